"""Ctrl-C during a training or a search: acknowledged at once, and over soon after."""

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import NoReturn

INTERRUPTED = "stopped; nothing half-written was left"
INTERRUPTED_EXIT_CODE = 130
GRACE_SECONDS = 8.0
ACKNOWLEDGED = "stopping, which may take some seconds; press Ctrl-C again to stop at once"
SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def soon() -> Iterator[None]:
    """Acknowledge Ctrl-C in this block at once, and end the process if it is not over 8 seconds later.

    Python itself hears of a signal only between two of its own steps, and TensorFlow may compute for minutes in one.
    Errors that follow from Ctrl-C are raised as KeyboardInterrupt. Other threads than the main one hear of no signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    listening, written = os.pipe()
    os.set_blocking(written, False)
    # Standard error as it is now: while TensorFlow loads, it leads nowhere.
    shown = os.dup(2)
    before = signal.set_wakeup_fd(written, warn_on_full_buffer=False)
    interrupted = threading.Event()
    watcher = threading.Thread(target=_watch, args=(listening, interrupted, shown), daemon=True)
    watcher.start()
    try:
        yield
    except KeyboardInterrupt:
        # The watcher may hear of it a moment later than the main thread.
        interrupted.wait(1)
        raise
    except Exception as error:
        if interrupted.wait(0.05):
            raise KeyboardInterrupt from error
        raise
    finally:
        signal.set_wakeup_fd(before)
        # After Ctrl-C the watcher goes on: what Python does before it exits may take long, too.
        if not interrupted.is_set():
            os.close(written)
            watcher.join()
            os.close(listening)
            os.close(shown)


def _watch(listening: int, interrupted: threading.Event, shown: int) -> None:
    """Read the numbers of signals until the other end is closed."""
    deadline: float | None = None
    while True:
        patience = None if deadline is None else max(0.0, deadline - monotonic())
        if not select.select([listening], [], [], patience)[0]:
            _end(shown)
        received = os.read(listening, 64)
        if not received:
            return
        if signal.SIGINT not in received:
            continue
        if interrupted.is_set():
            _end(shown)
        interrupted.set()
        deadline = monotonic() + GRACE_SECONDS
        _print(shown, ACKNOWLEDGED)


def _end(shown: int) -> NoReturn:
    _print(shown, f"{SHOW_CURSOR if os.isatty(shown) else ''}error: {INTERRUPTED}")
    os._exit(INTERRUPTED_EXIT_CODE)


def _print(shown: int, line: str) -> None:
    # Not through sys.stderr: a live bar may have replaced it, and the main thread may hold its lock.
    new_line = "\n" if os.isatty(shown) else ""
    with suppress(OSError):
        os.write(shown, f"{new_line}{line}\n".encode())
