"""A killed training resumes and gives the same result as an uninterrupted one."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import artifact
from suite.errors import SuiteError

Run = Callable[..., subprocess.CompletedProcess[str]]
FIT = ("fit", "text_cls", "--epochs", "5", "--set", "training.average=0.9")


def kill_after_checkpoint(models: Path, reviews: Path) -> Path:
    """Start a fit and kill it as soon as its state has been written once."""
    command = [sys.executable, "-m", "suite", *FIT, "--data", reviews, "--models", models, "--checkpoint-seconds", "0"]
    checkpoint = models / ".checkpoints" / "text_cls.npz"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while not checkpoint.exists() and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
    assert checkpoint.exists(), errors
    return checkpoint


@pytest.mark.slow
def test_a_fit_resumed_after_a_kill_gives_the_same_network(suite: Run, reviews: Path, tmp_path: Path) -> None:
    checkpoint = kill_after_checkpoint(tmp_path / "killed", reviews)
    if artifact.model_names(tmp_path / "killed"):
        pytest.fail("the fit ended before it could be killed")
    with np.load(checkpoint) as saved:
        done = len(json.loads(saved["state"].tobytes())["history"]["loss"])
    assert 1 <= done < 5
    other = suite(*FIT, "--data", reviews, "--models", tmp_path / "killed", "--resume", "--seed", "1")
    assert other.returncode == 1
    assert "the training to resume had" in other.stderr
    answers = {}
    for models, more in ((tmp_path / "killed", ["--resume"]), (tmp_path / "whole", [])):
        fitted = suite(*FIT, "--data", reviews, "--models", models, *more, "--json")
        assert fitted.returncode == 0, fitted.stderr
        answers[models.name] = json.loads(fitted.stdout)["metrics"]
        done = suite("predict", "text_cls", "--input", reviews, "--output", tmp_path / f"{models.name}.csv",
                     "--models", models)  # fmt: skip
        assert done.returncode == 0, done.stderr
    assert answers["killed"] == answers["whole"]
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not checkpoint.exists()


def test_a_fit_killed_before_its_first_checkpoint_starts_again(suite: Run, reviews: Path, tmp_path: Path) -> None:
    fitted = suite(*FIT, "--data", reviews, "--models", tmp_path, "--resume")
    assert fitted.returncode == 0, fitted.stderr
    assert "nothing to resume" in fitted.stdout
    assert artifact.versions(tmp_path / "text_cls") == [1]


def test_a_state_that_lacks_an_array_is_refused(make: Callable[[str], Any], tmp_path: Path) -> None:
    from suite import domain as registry
    from suite.training import fit, hyperparameters
    from suite.training.data import prepare
    from suite.training.model import build

    domain = registry.get("fraud")
    prepared = prepare(domain, make("fraud").dataset)
    hp = hyperparameters.resolve(lambda space: build(domain, space, prepared, 2), {"mlp.units": 16, "mlp.depth": 1})
    file = tmp_path / "fraud.npz"
    settings = fit.TrainingSettings(2, 0, "average_precision")
    fit.fit(domain, hp, prepared, settings, checkpoint=fit.CheckpointOptions(file, {}, interval=0))
    with np.load(file) as saved:
        arrays = dict(saved)
    assert {name.partition("_")[0] for name in arrays} == {"state", "best", "model", "optimizer"}
    model = build(domain, hp, prepared, 2)
    before = model.get_weights()
    for lacking in arrays:
        np.savez(file, **{name: value for name, value in arrays.items() if name != lacking})
        with pytest.raises(SuiteError, match=rf"fraud\.npz is damaged \('{lacking}' is not in it") as caught:
            restored(file, domain, hp, model, prepared, settings)
        assert "leave --resume out" in str(caught.value)
    assert all((old == new).all() for old, new in zip(before, model.get_weights(), strict=True))
    np.savez(file, **arrays)
    assert restored(file, domain, hp, model, prepared, settings) == 2


def restored(file: Path, domain: Any, hp: Any, model: Any, prepared: Any, settings: Any) -> int:
    """Restore the state in `file` into `model`; the number of finished epochs."""
    from suite.training.checkpoint import Checkpoint
    from suite.training.epoch_selection import EpochSelection

    identity = {**asdict(settings), "hyperparameters": dict(hp.values)}
    return Checkpoint(file, identity, EpochSelection(prepared, settings.objective, 6)).restore(model)


@pytest.mark.parametrize("start", [b"PK\3\4", b"no archive"])
def test_a_damaged_state_is_refused(suite: Run, reviews: Path, tmp_path: Path, start: bytes) -> None:
    checkpoint = tmp_path / ".checkpoints" / "text_cls.npz"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(start + b" torn")
    fitted = suite(*FIT, "--data", reviews, "--models", tmp_path, "--resume")
    assert fitted.returncode == 1
    assert "is damaged (not an archive)" in fitted.stderr.splitlines()[-1]
