"""Code shared by light engines: the core is in a file that the card names, and preprocessing runs in NumPy."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np

from serving.engines.base import Arrays, Engine, blank
from suite import files
from suite.artifact import Card
from suite.errors import SuiteError
from suite.preprocessing import mirror

LightEngine = TypeVar("LightEngine", bound=Engine)
# Neither FlatBuffers nor protocol buffers can be larger.
MAX_FILE_SIZE = 2**31
ERRORS: tuple[type[Exception], ...] = (OSError, ValueError, RuntimeError, LookupError, TypeError)


def load(
    name: str, folder: Path, card: Card | None, make: Callable[[bytes, Card], LightEngine],
    errors: tuple[type[Exception], ...] = (),
) -> LightEngine:  # fmt: skip
    """Make the engine `name` from the bytes of its file and try it on a blank row; raise SuiteError if that fails.

    `errors` are additional exception classes that its library raises.
    """
    if card is None:
        raise SuiteError(f"{folder} has no card, so its preprocessing is unknown: run it with the engine 'tf'")
    # Use only the last part of the path: a card from elsewhere may point outside its folder.
    file = folder / Path(card.engines[name]["file"]).name
    try:
        # Pass the bytes, not the path: if a mapped file were truncated, the process would crash.
        engine = make(files.read_small(file, MAX_FILE_SIZE), card)
        engine.run(blank(card, 1))
    except ERRORS + errors as error:
        reason = str(error.__cause__ or error).partition("\n")[0]
        raise SuiteError(f"{file} cannot be run ({reason}): fit the model again") from error
    return engine


def preprocessing(card: Card) -> Callable[[Arrays], Arrays]:
    """Return a function that turns raw inputs into the inputs of the core."""
    mirrored = mirror.load(card.preprocessing)

    def preprocess(raw: Arrays) -> Arrays:
        # Numbers near the limits of float32 may overflow here; the caller checks the answer.
        with np.errstate(over="ignore", invalid="ignore"):
            return mirrored(raw)

    return preprocess
