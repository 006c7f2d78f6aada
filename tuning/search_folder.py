"""The folder in which a search keeps its state: saved_models/.searches/NAME."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite import artifact
from suite.errors import SuiteError
from tuning.journal import JOURNAL_FILE, Journal
from tuning.runner import STATE_FOLDER

SEARCHES = ".searches"
LOCK_FILE = "lock"


def search_folder(models: Path, name: str) -> Path:
    """The folder of the search of NAME."""
    return models / SEARCHES / artifact.check_name(name)


def can_resume(folder: Path) -> bool:
    """Whether a search was begun there."""
    return (folder / JOURNAL_FILE).exists()


def identity_to_resume(folder: Path) -> dict[str, Any] | None:
    """What names the data, the domain and the space of the search that was begun there; None if none was."""
    if not can_resume(folder):
        return None
    journal = Journal(folder / JOURNAL_FILE)
    try:
        return next((body for _, body in journal.events()), None)
    finally:
        journal.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create the folder, and hold its lock: SuiteError if another search of the name runs."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK_FILE).open("w")
    except OSError as error:
        raise SuiteError(f"cannot write to {folder} ({error.strerror}): choose another folder with --models") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SuiteError(
                f"another search of '{folder.name}' is running: wait for it, or choose another --name"
            ) from None
        yield


def clear(folder: Path) -> None:
    """Delete everything but the lock."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != LOCK_FILE:
            path.unlink()


def delete_states(folder: Path) -> None:
    """Delete the states of all trainings: only a search that goes on needs them."""
    shutil.rmtree(folder / STATE_FOLDER, ignore_errors=True)


def delete_states_of(folder: Path, trial: int) -> None:
    """Delete the states of one trial's trainings."""
    for file in (folder / STATE_FOLDER).glob(f"{trial}-*"):
        file.unlink()
