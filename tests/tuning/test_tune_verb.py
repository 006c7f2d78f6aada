"""`suite tune` as a person runs it."""

import json
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
SMALL = ("--fix", "reader.kind=none", "--set", "training.batch_size=64,128", "--epochs", "3")


@pytest.mark.slow
def test_a_search_saves_an_ordinary_model_that_fit_can_rebuild(suite: Run, reviews: Path, tmp_path: Path) -> None:
    done = suite(
        "tune", "text_cls", "--data", reviews, "--strategy", "random", "--trials", "3", *SMALL, "--workers", "2",
        "--objective", "val_accuracy,latency,size,flops", "--models", tmp_path, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [trial["status"] for trial in result["trials"]] == ["completed"] * 3
    assert result["best"] in result["trials"]
    assert "trial 3/3 completed" in done.stderr
    assert f"best: trial {result['best']['id']} with val_accuracy" in done.stderr
    assert all(set(trial["scores"]) == {"val_accuracy", "latency", "size", "flops"} for trial in result["trials"])
    assert all(min(trial["scores"].values()) > 0 for trial in result["trials"])
    card = artifact.read_card(Path(result["artifact"]))
    assert card
    found = result["best"]["hyperparameters"]
    assert {name: card.hyperparameters[name] for name in found} == found
    assert card.search["best"] == result["best"]["id"]
    assert [one["name"] for one in card.search["objectives"]] == ["val_accuracy", "latency", "size", "flops"]
    assert any("Trained anew on the 320 rows" in note for note in card.notes)
    assert len(list((tmp_path / ".tensorboard" / "text_cls").rglob("trial-*/events.*"))) == 3
    assert not (tmp_path / ".searches" / "text_cls" / "trials").exists()
    answered = suite("predict", "text_cls", "--input", reviews, "--models", tmp_path)
    assert answered.returncode == 0, answered.stderr
    again = suite("fit", "text_cls", "--data", reviews, "--hp", Path(result["artifact"]) / "card.json", "--epochs", "1",
                  "--models", tmp_path, "--json")  # fmt: skip
    assert again.returncode == 0, again.stderr
    rebuilt = artifact.read_card(Path(json.loads(again.stdout)["artifact"]))
    assert rebuilt
    assert rebuilt.hyperparameters == card.hyperparameters


def tune(reviews: Path, models: Path, *more: str) -> list[str]:
    command = ["tune", "text_cls", "--data", str(reviews), "--models", str(models), "--trials", "3", *SMALL]
    return [sys.executable, "-m", "suite", *command, "--no-retrain", "--json", *more]


@pytest.mark.slow
def test_a_search_killed_during_trials_ends_as_if_it_had_not_been_killed(reviews: Path, tmp_path: Path) -> None:
    whole = subprocess.run(tune(reviews, tmp_path / "whole"), capture_output=True, text=True, check=True)
    states = tmp_path / "killed" / ".searches" / "text_cls" / "trials"
    for state in ("1-0.npz", "2-0.npz"):
        command = tune(reviews, tmp_path / "killed", "--resume")
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            while not (states / state).exists() and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            _, errors = process.communicate(timeout=60)
        assert (states / state).exists(), errors
    assert not artifact.model_names(tmp_path / "killed")
    done = subprocess.run(tune(reviews, tmp_path / "killed", "--resume"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours, theirs = json.loads(done.stdout), json.loads(whole.stdout)
    assert [(trial["hyperparameters"], trial["score"], trial["epochs"]) for trial in ours["trials"]] == [
        (trial["hyperparameters"], trial["score"], trial["epochs"]) for trial in theirs["trials"]
    ]
    assert ours["metrics"] == theirs["metrics"]


@pytest.mark.slow
def test_trials_are_scored_by_their_mean_over_folds(suite: Run, reviews: Path, tmp_path: Path) -> None:
    done = suite("tune", "text_cls", "--data", reviews, "--strategy", "grid", "--trials", "2", *SMALL,
                 "--epochs", "1", "--cv", "3", "--models", tmp_path, "--no-retrain", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["best"]["deviation"] > 0
    assert "±" in done.stderr


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--objective", "val_acuracy"], 2, "there is no objective 'acuracy': did you mean 'accuracy'?"),
        (["--strategy", "rondom"], 2, "'rondom' is not one of"),
        (["--time", "soon"], 2, "'soon' is no time: write it as 90s, 30m or 1h30m"),
        (["--time", "0s"], 2, "'0s' is no time at all"),
        (["--pick", "fastest-within", "5"], 2, "'5' is no share: write it as 0.5%"),
        (["--budget", "latncy=1ms"], 2, "there is no cost 'latncy': did you mean 'latency'?"),
        (["--budget", "latency=1km"], 2, "'latency=1km' is no budget: write it as latency=0.2ms"),
        (["--strategy", "oneshot"], 2, "no hyperparameter of this space chooses between operations of one shape"),
        (["--fix", "reader.knd=none"], 2, "there is no hyperparameter 'reader.knd': did you mean 'reader.kind'?"),
    ],
)
def test_invalid_options_give_one_line(
    suite: Run, reviews: Path, tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    done = suite("tune", "text_cls", "--data", reviews, "--models", tmp_path, *options)
    assert done.returncode == code
    errors = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert len(errors) == 1
    assert said in errors[0]
