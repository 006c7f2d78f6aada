"""Whether this machine can train a network."""

import keras

from suite.config import free_bytes
from suite.errors import UsageError
from suite.training import architecture


def check_memory(model: keras.Model, batch: int) -> None:
    """UsageError for a network whose training would not fit into the free memory."""
    needed, free = architecture.training_bytes(model, batch), free_bytes()
    if free is not None and needed > free:
        raise UsageError(
            f"its training takes about {needed / 1e9:.0f} GB of memory at a batch of {batch}, and {free / 1e9:.0f} GB "
            "are free"
        )
