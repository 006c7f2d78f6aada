"""A saved model's engine, for verbs that need no service."""

from pathlib import Path
from typing import TYPE_CHECKING

from suite.config import native_log_silenced

if TYPE_CHECKING:
    from serving.engines.base import Engine
    from suite.artifact import Card


def load(folder: Path, card: "Card", engine: str = "auto") -> "Engine":
    """Load the model in an engine, after checking its files against the card."""
    from serving.engines import select
    from suite import artifact
    from suite.config import cores

    artifact.verify(folder, card)
    with native_log_silenced():
        return select.load(folder, card, engine, threads=cores())
