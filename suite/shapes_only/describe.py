"""A description made without TensorFlow where shapes are enough for it, and with it where they are not."""

import multiprocessing
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from suite.errors import SuiteError
from suite.shapes_only import backend
from suite.shapes_only.stand_ins import stand_ins

T = TypeVar("T")


def described(describe: Callable[[], T], load_tensorflow: Callable[[], None]) -> T:
    """What `describe` returns, or the SuiteError that it raises; its result must be picklable.

    It is called in a process of its own; or in this one, after `load_tensorflow`, where it needs more than shapes or
    where Keras is loaded already.
    """
    if "keras" not in sys.modules and "fork" in multiprocessing.get_all_start_methods():
        outcome = _without_tensorflow(describe)
        if isinstance(outcome, SuiteError):
            raise outcome
        if outcome is not None:
            return outcome
    load_tensorflow()
    return describe()


def _without_tensorflow(describe: Callable[[], T]) -> T | SuiteError | None:
    """What `describe` returns or raises in a process without TensorFlow; None if it needs TensorFlow, or fails."""
    # A fork has all that is imported already, and `describe` need not be picklable.
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(describe, sender), daemon=True)
    process.start()
    sender.close()
    try:
        outcome: T | SuiteError | None = receiver.recv()
    except EOFError:  # the process was killed
        outcome = None
    process.join()
    return outcome


def _send(describe: Callable[[], T], sender: Connection) -> None:
    outcome: T | SuiteError | None
    # Ctrl-C reaches this process too, and the other one says so.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        backend.load()
        outcome = describe()
    except SuiteError as error:
        outcome = error
    except Exception:
        # TensorFlow may succeed, or fail with an error that says more.
        outcome = None
    sender.send(None if stand_ins.called else outcome)
