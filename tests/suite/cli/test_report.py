import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess, run
from typing import Any

import pytest

from suite.report import stored_predictions

Run = Callable[..., CompletedProcess[str]]


def test_a_report_gives_the_test_figures_with_intervals(suite: Run, made: Any, tmp_path: Path) -> None:
    target = tmp_path / "copy.html"
    done = suite("report", made.card.name, "--models", made.models, "--output", target)
    assert done.returncode == 0, done.stderr
    assert f"{next(iter(made.card.metrics['test'].values())):.4f}" in done.stdout
    assert str(made.folder / "report.html") in done.stdout
    assert target.read_bytes() == (made.folder / "report.html").read_bytes()
    found = json.loads(suite("report", f"{made.card.name}/1", "--models", made.models, "--json").stdout)
    assert found["rows"] == len(made.dataset.rows["test"])
    for name, interval in found["metrics"].items():
        assert interval["value"] == pytest.approx(made.card.metrics["test"][name], rel=1e-6, abs=1e-6)
        assert interval["low"] <= interval["value"] <= interval["high"]


def test_two_models_are_compared_and_the_page_is_written(suite: Run, make: Any, tmp_path: Path) -> None:
    made = make("text_cls")
    name, target = made.card.name, tmp_path / "both.html"
    done = suite("report", name, f"{name}/1", "--models", made.models, "--output", target, "--json")
    found = json.loads(done.stdout)
    assert found["mcnemar"] == {"only_first": 0, "only_second": 0, "p": 1.0}
    assert {row["difference"] for row in found["metrics"].values()} == {0}
    assert f"{name}/1" in target.read_text()
    spoken = suite("report", name, name, "--models", made.models)
    assert "Both models answer every test row alike." in spoken.stdout


def failing(done: CompletedProcess[str], code: int) -> str:
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    return line


def test_models_that_cannot_be_compared_give_one_line(suite: Run, make: Any, tmp_path: Path) -> None:
    first, second = make("text_cls"), make("fraud")
    assert "different labels" in failing(
        suite("report", first.card.name, second.card.name, "--models", first.models), 1
    )
    three = [first.card.name] * 3
    assert "extra argument" in failing(suite("report", *three, "--models", first.models), 2)
    assert "cannot write" in failing(
        suite("report", first.card.name, "--models", first.models, "--output", tmp_path / "no" / "x.html"), 1
    )


def test_damaged_answers_are_one_error(suite: Run, make: Any, tmp_path: Path) -> None:
    made = make("text_cls")
    shutil.copytree(made.folder, tmp_path / "text_cls" / "1")
    (tmp_path / "text_cls" / "1" / stored_predictions.FILE).write_bytes(b"PK\x03\x04 torn")
    assert "is damaged" in failing(suite("report", "text_cls", "--models", tmp_path), 1)


def test_comparing_needs_no_tensorflow(make: Any, tmp_path: Path) -> None:
    made = make("fraud")
    words = ["report", "fraud", "fraud", "--models", str(made.models), "--output", str(tmp_path / "x.html")]
    code = f"import sys\nfrom suite.cli import group\ngroup({words!r}, standalone_mode=False)\nprint(*sys.modules)"
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert not loaded & {"tensorflow", "keras", "sklearn", "scipy", "pyarrow", "PIL"}
