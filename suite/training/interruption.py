"""Ctrl-C during a training: it takes effect between two steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


class _Interrupt(keras.callbacks.Callback):  # type: ignore[misc]
    """Raises KeyboardInterrupt at the end of a step once it is requested."""

    def __init__(self) -> None:
        super().__init__()
        self.requested = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.requested:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.on_train_batch_end(0)


@contextmanager
def between_steps() -> Iterator[keras.callbacks.Callback]:
    """A callback for the training in this block that raises KeyboardInterrupt between steps.

    A KeyboardInterrupt in the middle of a step sometimes reaches TensorFlow's C++ code, which aborts the process.
    """
    interrupt = _Interrupt()

    def request(number: int, frame: Any) -> None:
        interrupt.requested = True

    # Only the main thread receives signals; a handler that somebody else installed stays.
    is_ours = threading.current_thread() is threading.main_thread()
    is_ours = is_ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        signal.signal(signal.SIGINT, request)
    try:
        yield interrupt
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if interrupt.requested:
        raise KeyboardInterrupt
