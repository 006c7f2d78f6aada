"""A shell completes verbs, options, domains, models, data and presets."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.shell_completion import BashComplete

from suite.cli import group
from suite.cli.completion import SHELLS, VARIABLE


def completed(*words: str) -> list[str]:
    """What may follow the words; the last one is unfinished."""
    *before, unfinished = words
    found = BashComplete(group, {}, "suite", VARIABLE).get_completions(list(before), unfinished)
    return [item.value for item in found]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for version in ("payments/1", "payments/2", "reviews/1"):
        (tmp_path / version).mkdir(parents=True)
    monkeypatch.setenv("SUITE_MODELS", str(tmp_path))
    return tmp_path


def test_verbs_options_domains_and_data() -> None:
    assert completed("fi") == ["fit"]
    assert completed("tune", "fraud", "--wor") == ["--workers"]
    assert completed("fit", "fra") == ["fraud"]
    assert completed("fit", "fraud", "--data", "card") == ["card_fraud", "card"]
    assert "lenet" in completed("show", "image_cls", "--preset", "")
    assert completed("show", "image_csl", "--preset", "") == []
    assert completed("fit", "fraud", "--split", "t") == ["time"]


def test_models_and_their_versions(store: Path) -> None:
    assert completed("predict", "pay") == ["payments"]
    assert completed("report", "payments/") == ["payments/1", "payments/2"]
    assert completed("models", "show", "") == ["payments", "reviews"]
    assert completed("predict", "--models", str(store / "nowhere"), "") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_one_that_the_shell_takes(shell: str, suite: Callable[..., CompletedProcess[str]]) -> None:
    script = suite("completion", shell).stdout
    assert VARIABLE in script
    if shutil.which(shell):
        check = [shell, "-n"] if shell != "fish" else [shell, "--no-execute"]
        assert subprocess.run(check, input=script, text=True, capture_output=True).returncode == 0
