"""The demo run to its end, and interrupted."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from suite import artifact

Run = Callable[..., CompletedProcess[str]]
DEADLINE = 120


@pytest.mark.slow
def test_the_demo_trains_serves_and_asks(suite: Run, tmp_path: Path) -> None:
    done = suite("demo", "text_cls", "--models", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "text_cls" / "1" / "report.html").exists()
    accuracy = re.search(r"^test accuracy (0\.\d+)$", done.stdout, re.MULTILINE)
    assert accuracy
    assert float(accuracy[1]) >= 0.79
    assert done.stdout.count("(truly ") == 4
    assert "report.html" in done.stdout
    assert not processes(tmp_path)


def processes(models: Path) -> list[str]:
    """Commands of the processes that were given this store."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str(models).encode() in (process / "environ").read_bytes() + (process / "cmdline").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["epoch 2/", "saving", "starting the service"])
def test_ctrl_c_leaves_no_process_and_no_half_written_version(tmp_path: Path, moment: str) -> None:
    command = [sys.executable, "-u", "-m", "suite", "demo", "text_cls", "--models", str(tmp_path)]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout
    assert any(moment in line for line in process.stdout)
    # As a terminal does it: to every process of the foreground group.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "error: stopped; nothing half-written was left"
    end = time.monotonic() + DEADLINE
    while processes(tmp_path) and time.monotonic() < end:
        time.sleep(0.05)
    assert not processes(tmp_path)
    for name in artifact.model_names(tmp_path):
        for version in artifact.versions(tmp_path / name):
            folder = tmp_path / name / str(version)
            card = artifact.read_card(folder)
            assert card
            artifact.verify(folder, card)
    assert not list(tmp_path.rglob(f"{artifact.STAGING}*"))
