"""Ctrl-C during a training: it takes effect between two steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras


class _Stop(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.asked = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self.asked:
            raise KeyboardInterrupt

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.on_train_batch_end(0)


@contextmanager
def between_steps() -> Iterator[keras.callbacks.Callback]:
    """A callback for the training in this block, which raises KeyboardInterrupt where Python may be left.

    Raised at once, it now and then reaches TensorFlow on its way through Python, and ends the process with an abort.
    """
    stop = _Stop()

    def ask(number: int, frame: Any) -> None:
        stop.asked = True

    # Another thread hears of no signal, and a handler of somebody else's is left to do its work.
    ours = threading.current_thread() is threading.main_thread()
    ours = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        if ours:
            signal.signal(signal.SIGINT, signal.default_int_handler)
    if stop.asked:
        raise KeyboardInterrupt
