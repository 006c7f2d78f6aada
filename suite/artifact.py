"""The artifact: the folder saved_models/NAME/VERSION that training writes and serving reads.

Standard library only, so that a service can read a card in milliseconds.
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path, PurePosixPath
from typing import Any, get_origin

from suite import files, model_folders
from suite.errors import SuiteError, UsageError, unknown

SCHEMA = 1
CARD = "card.json"
SAVED_MODEL = "saved_model.pb"
STAGING = ".staging-"
# Names of outputs: of networks that answer with a class, and with a number.
PROBABILITIES, PREDICTION = "probabilities", "prediction"
# From which probability of the second of two classes on a row is of it, or for each label from which on it holds.
Threshold = float | list[float]
LARGEST_CARD = 64 * files.MEBIBYTE


@dataclass(frozen=True)
class TensorSpec:
    """One input or output: `name` is what people write, `tensor` its argument in the SavedModel's signature.

    `kind` of an input: image, text, numeric, boolean, categorical or date. `shape` leaves out the batch axis.
    `format` is how a date is written ("" for ISO 8601, else as in strptime).
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    tensor: str = ""
    kind: str = ""
    format: str = ""

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "TensorSpec":
        return cls(**{**value, "shape": tuple(value["shape"])})


@dataclass
class Card:
    """What is known of one version; `card.json` is this, plus a digest of itself.

    `preprocessing` is all that `suite.preprocessing.mirror` needs to turn raw inputs into the core's inputs.
    `ignored` names columns that a request may carry and the model does not use.
    `task` is the kind of answer; cards from before there were tasks have detection with a threshold, else
    classification. `target` is what else the task knows of it.
    `threshold` is that of the second of two classes, or a list with one for each label.
    `engines` maps an engine to its `file`, `max_abs_diff` and `rows_checked` against the SavedModel.
    """

    name: str
    version: int
    domain: str
    created: str
    inputs: list[TensorSpec]
    outputs: list[TensorSpec]
    labels: list[str]
    preprocessing: dict[str, Any]
    frameworks: dict[str, str] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    hyperparameters: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    task: str = ""
    target: dict[str, Any] = field(default_factory=dict)
    threshold: Threshold | None = None
    ignored: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    engines: dict[str, dict[str, Any]] = field(default_factory=dict)
    search: dict[str, Any] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        self.task = self.task or ("classification" if self.threshold is None else "detection")


def _digest(value: Any) -> str:
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read_card(folder: Path) -> Card | None:
    """The card in `folder`, or None for a SavedModel without one. A card that was changed raises SuiteError."""
    path = folder / CARD
    try:
        value = json.loads(files.read_small(path, LARGEST_CARD))
        # Python's JSON reads what has no digest: numbers that are not finite, and half a character.
        digest = value.pop("digest", None) if isinstance(value, dict) else None
        found = _digest(value)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise SuiteError(
            f"{path} cannot be read ({files.explain(error)}): save the model again with 'suite fit'"
        ) from error
    if not isinstance(value, dict) or value.get("schema") != SCHEMA:
        raise SuiteError(f"{path} is not a card of schema {SCHEMA}: save the model again with 'suite fit'")
    if digest != found:
        raise SuiteError(
            f"{path} was changed after it was written (its digest does not match): restore it or fit again"
        )
    try:
        value["inputs"] = [TensorSpec.from_json(item) for item in value["inputs"]]
        value["outputs"] = [TensorSpec.from_json(item) for item in value["outputs"]]
        return _checked(Card(**value))
    except (KeyError, TypeError) as error:
        raise SuiteError(f"{path} lacks a field or has one too many ({error}): fit the model again") from error


def _checked(card: Card) -> Card:
    """The card itself; TypeError where a field is no text, number, list or object as it should be."""
    for item in fields(card):
        kind = get_origin(item.type) or item.type
        if kind in (str, int, list, dict) and not isinstance(getattr(card, item.name), kind):
            raise TypeError(f"'{item.name}' is no {kind.__name__}")
    several = card.threshold if isinstance(card.threshold, list) else [card.threshold]
    if not all(isinstance(one, int | float | None) for one in several):
        raise TypeError("'threshold' is no number")
    return card


def verify(folder: Path, card: Card, only: str | None = None) -> None:
    """Check the files that the card lists, or `only` one, against their hashes; SuiteError names one that differs."""
    listed = {name: expected for name, expected in card.files.items() if only in (None, name)}
    for name in listed:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
            raise SuiteError(f"{folder / CARD} lists '{name}', which lies outside of its folder: fit the model again")
        # Before anything is hashed: where one is missing, the others need not be read.
        if not (folder / name).exists():
            raise SuiteError(f"{folder / name} is missing or unreadable: restore it or fit the model again")
    for name, expected in listed.items():
        try:
            found = files.sha256(folder / name)
        except OSError as error:
            reason = f"is missing or unreadable ({files.explain(error)})"
            raise SuiteError(f"{folder / name} {reason}: restore it or fit the model again") from error
        if found != expected:
            raise SuiteError(f"{folder / name} does not match the hash in its card: restore it or fit the model again")


def write_card(folder: Path, card: Card) -> None:
    """Hash every file in `folder` into the card and write it there."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CARD)
    card.files = {path.relative_to(folder).as_posix(): files.sha256(path) for path in paths}
    value = asdict(card)
    text = json.dumps({**value, "digest": _digest(json.loads(json.dumps(value)))}, indent=1, ensure_ascii=False)
    replace_file(folder / CARD, text.encode())


def replace_file(path: Path, content: bytes | memoryview) -> None:
    """Write a file whole or not at all: aside, synced, renamed."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_name(name: str) -> str:
    """The name itself, or UsageError when it could not be a folder's name on every system."""
    if not model_folders.NAME.fullmatch(name):
        raise UsageError(f"'{name}' cannot name a model: use {model_folders.ALLOWED}")
    return name


@contextmanager
def new_version(models: Path, name: str) -> Iterator[tuple[Path, int]]:
    """A staging folder and the version's number; the folder becomes that version only if the block succeeds."""
    parent = models / check_name(name)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _sweep(parent)
        staging, version, lock = _reserve(parent)
    except OSError as error:
        raise SuiteError(f"cannot write to {parent} ({error.strerror}): choose another folder with --models") from error
    try:
        yield staging, version
        _sync(staging)
        os.rename(staging, parent / str(version))
        _sync_folder(parent)
    except OSError as error:
        raise SuiteError(
            f"saving {name} failed ({error.strerror or error}): nothing was written to {parent}"
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(lock)
        if not any(parent.iterdir()):
            parent.rmdir()


def delete(folder: Path) -> None:
    """Delete a version; SuiteError where that is not allowed. It is gone at once, however long its files take."""
    try:
        aside = Path(tempfile.mkdtemp(prefix=STAGING, dir=folder.parent))
        folder.rename(aside / folder.name)
    except OSError as error:
        raise SuiteError(f"{folder} cannot be deleted ({error.strerror}): check who owns it") from error
    shutil.rmtree(aside, ignore_errors=True)


def _reserve(parent: Path) -> tuple[Path, int, int]:
    """A new staging folder, the version it is for, and the open lock that shows that its owner lives."""
    version = max(versions(parent), default=0) + 1
    while True:
        staging = parent / f"{STAGING}{version}"
        with suppress(FileExistsError, FileNotFoundError, BlockingIOError):
            staging.mkdir()
            lock = os.open(staging, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if staging.exists() and not (parent / str(version)).exists():
                return staging, version, lock
            os.close(lock)
        version += 1


def _sweep(parent: Path) -> None:
    """Remove what a killed process left aside: its lock went with it."""
    for staging in parent.glob(f"{STAGING}*"):
        lock = os.open(staging, os.O_RDONLY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(staging, ignore_errors=True)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def _sync(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_folder(path)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def versions(parent: Path) -> list[int]:
    """The version numbers in a model's folder, ascending."""
    return [*model_folders.list_versions(parent)[0]] if parent.is_dir() else []


def model_names(models: Path) -> list[str]:
    """The names of the models in a store that have at least one version, sorted."""
    return [*model_folders.list_models(models)[0]] if models.is_dir() else []


def find(models: Path, reference: str) -> Path:
    """The folder of NAME (its newest version) or NAME/VERSION; UsageError when there is none."""
    name, _, wanted = reference.partition("/")
    there = model_folders.list_models(models)[0] if models.is_dir() else {}
    if name not in there:
        if not there:
            raise UsageError(f"there is no model '{name}': {models} holds none yet; make one with 'suite fit {name}'")
        raise unknown("model", name, [*there])
    present = there[name]
    if not wanted:
        return present[max(present)]
    if not model_folders.VERSION.fullmatch(wanted) or int(wanted) not in present:
        raise unknown(f"version of {name}", wanted, [str(version) for version in present])
    return present[int(wanted)]
