"""Files for the states of unfinished trainings of a name: one for each training that runs at the same time.

A training locks its file. The lock ends with the process, so the file of a training that was killed is free.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from suite import artifact
from suite.errors import SuiteError
from suite.training import checkpoint_file

CHECKPOINTS = ".checkpoints"
MAX_AT_ONCE = 100


def unfinished(models: Path, name: str) -> list[Path]:
    """The states of unfinished trainings of NAME, the newest first; some of these trainings may still run."""
    files = [file for file in _state_files(models, name) if file.exists()]
    return sorted(files, key=lambda file: file.stat().st_mtime, reverse=True)


@contextmanager
def reserved(models: Path, name: str, settings: dict[str, Any] | None = None) -> Iterator[Path]:
    """The file for a training's state, which no other training uses until the block ends.

    With `settings`, to resume: the state of a training with these settings, else another state, else a file that does
    not exist yet. SuiteError if the training to resume still runs, or if the folder cannot be written.
    """
    states = [] if settings is None else unfinished(models, name)
    ours = [file for file in states if settings is not None and checkpoint_file.has_settings(file, settings)]
    for file in ours or [*states, *_state_files(models, name)]:
        lock = _lock(file)
        if lock is not None:
            break
    else:
        raise SuiteError(
            f"the training of '{name}' to resume still runs: wait for it, or leave --resume out to begin another"
        )
    try:
        yield file
    finally:
        os.close(lock)


def _state_files(models: Path, name: str) -> list[Path]:
    """Every file that may hold a state, in the order in which they are taken."""
    # No name of a model has a '+'.
    endings = ["", *(f"+{number}" for number in range(2, MAX_AT_ONCE + 1))]
    return [models / CHECKPOINTS / f"{artifact.check_name(name)}{ending}.npz" for ending in endings]


def _lock(file: Path) -> int | None:
    """The open lock of a state's file; None if another training holds it."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(file.with_name(f".{file.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise SuiteError(
            f"cannot write to {file.parent} ({error.strerror}): choose another folder with --models"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        # The file system has no locks.
        return lock
    return lock
