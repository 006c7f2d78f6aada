"""`make test` on a machine whose Python is made up."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = """#!/bin/sh
echo "$@" >> calls
case "$*" in *{}*) exit 3;; esac
"""


def make_test(folder: Path, failing: str) -> tuple[int, list[str]]:
    """The exit status, and the commands of Python, where those with `failing` in them fail."""
    for name in ("Makefile", "pyproject.toml", ".ci"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    for environment in (".venv", ".venv-clients"):
        (folder / environment / "bin").mkdir(parents=True)
        (folder / environment / ".installed").touch()
    python = folder / ".venv" / "bin" / "python"
    python.write_text(PYTHON.format(failing))
    python.chmod(0o755)
    # As if this test did not run under make itself.
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "test"], cwd=folder, env=clean, capture_output=True, timeout=60)
    return done.returncode, (folder / "calls").read_text().splitlines()


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(("failing", "status"), [("nothing", 0), ("--dist", 2), ("-m alone", 2), ("pytest", 2)])
def test_both_halves_run_and_either_one_fails_the_whole(tmp_path: Path, failing: str, status: int) -> None:
    returned, calls = make_test(tmp_path, failing)
    assert returned == status
    assert len(calls) == 2
    assert calls[0].endswith("--dist loadfile --no-loadscope-reorder -m not alone")
    assert calls[1].endswith("pytest -m alone tests/serving tests/tuning")


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
def test_the_demo_waits_only_for_what_trains(tmp_path: Path) -> None:
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")

    def planned() -> str:
        return subprocess.run(["make", "-n", "demo"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout

    assert "--editable '.[train]'" in planned()
    # Who has installed everything need not install again.
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    assert "pip install" not in planned()
