"""Ctrl-C while the main thread computes in a library, where Python does not hear of it."""

import signal
import subprocess
import sys
import time

import pytest

# Minutes in C, without Python's lock.
BUSY = "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**9)"
PROGRAM = """
import hashlib, sys, time
from suite.cli import stopping
stopping.GRACE_SECONDS = 0.5
with stopping.soon():
    print("started", flush=True)
    {}
"""


def started(what: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(what)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    # Until the computation has begun, Python itself would hear of the signal.
    time.sleep(0.5)
    return process


def test_it_is_acknowledged_at_once_and_the_process_ends() -> None:
    process = started(BUSY)
    assert process.stderr
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("stopping")
    assert time.monotonic() - begun < 1
    _, errors = process.communicate(timeout=10)
    assert errors == "error: stopped; nothing half-written was left\n"
    assert process.returncode == 130
    assert time.monotonic() - begun < 5


def test_it_is_acknowledged_while_standard_error_leads_nowhere() -> None:
    process = started(f"from suite import config\n    with config.native_log_silenced(): {BUSY}")
    assert process.stderr
    process.send_signal(signal.SIGINT)
    assert process.stderr.readline().startswith("stopping")
    process.communicate(timeout=10)
    assert process.returncode == 130


def test_a_second_one_ends_the_process_at_once() -> None:
    process = started(f"stopping.GRACE_SECONDS = 60; {BUSY}")
    assert process.stderr
    process.send_signal(signal.SIGINT)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)
    assert process.returncode == 130


@pytest.mark.parametrize("what", ["time.sleep(60)", "try: time.sleep(60)\n    except BaseException: raise ImportError"])
def test_it_is_raised_where_python_hears_of_it_and_in_place_of_what_follows(what: str) -> None:
    process = started(what)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert errors.splitlines()[-1] == "KeyboardInterrupt"


def test_a_block_without_it_changes_nothing() -> None:
    process = started("time.sleep(1)\nprint(stopping.signal.set_wakeup_fd(-1))")
    output, errors = process.communicate(timeout=10)
    assert (output, errors, process.returncode) == ("-1\n", "", 0)
