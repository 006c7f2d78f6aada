"""Options of `suite fit`: folds, groups, costs, another objective."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from suite import artifact
from suite.cli import group
from suite.data import tables
from suite.data.options import DataOptions
from suite.errors import SuiteError, UsageError
from suite.training import cost_column
from suite.training.thresholds import ErrorCosts, ThresholdRule

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="module")
def payments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Payments of forty customers, one in five fraud, some without an amount."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("payments") / "payments.csv"
    lines = ["customer,amount,speed,is_fraud"]
    for row in range(400):
        fraud = row % 5 == 0
        amount = "" if row % 50 == 0 else f"{-generator.exponential(50):.2f}"
        lines.append(f"c{row % 37},{amount},{generator.normal(2 * fraud):.3f},{int(fraud)}")
    path.write_text("\n".join(lines))
    return path


def test_folds_give_mean_and_deviation(suite: Run, payments: Path, tmp_path: Path) -> None:
    done = suite("fit", "fraud", "--data", payments, "--models", tmp_path, "--epochs", "1", "--json", "--cv", "3",
                 "--objective", "log_loss", "--group-column", "customer")  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    card = artifact.read_card(tmp_path / "fraud" / "1")
    assert card
    assert result["cross_validation"] == card.training["cross_validation"]
    for summary in result["cross_validation"].values():
        assert len(summary["folds"]) == 3
        assert summary["mean"] == pytest.approx(np.mean(summary["folds"]))
        assert summary["deviation"] == pytest.approx(np.std(summary["folds"], ddof=1))
    assert len(set(result["cross_validation"]["log_loss"]["folds"])) == 3
    assert card.training["objective"] == "log_loss"
    assert "val_log_loss" in done.stderr
    assert "fold 3/3: test log_loss" in done.stderr
    assert "split: random, rows with the same customer kept together" in card.data["detected"]


def test_the_costs_of_the_rows_choose_the_threshold(suite: Run, payments: Path, tmp_path: Path) -> None:
    thresholds = []
    for alarm in ("0.01", "100000"):
        done = suite("fit", "fraud", "--data", payments, "--models", tmp_path, "--epochs", "1", "--quiet",
                     "--cost-column", "amount", "--cost-false-positive", alarm)  # fmt: skip
        assert done.returncode == 0, done.stderr
        card = artifact.read_card(artifact.find(tmp_path, "fraud"))
        assert card
        assert card.training["threshold"] == f"least cost (missed amount, false alarm {float(alarm):g})"
        assert "392 of 400 values in 'amount' are negative: each costs as if it were positive." in card.notes
        assert card.notes[0] in done.stdout
        thresholds.append(card.threshold)
    low, high = thresholds
    assert low < high
    unknown = suite("fit", "fraud", "--data", payments, "--models", tmp_path, "--cost-column", "customer")
    assert unknown.returncode == 2
    assert "no numeric column 'customer'" in unknown.stderr


@pytest.mark.parametrize("verb", ["fit", "tune"])
def test_costs_of_zero_are_refused(verb: str) -> None:
    arguments = [verb, "fraud", "--cost-false-negative", "0", "--cost-false-positive", "0"]
    refused = CliRunner().invoke(group, arguments).exception
    assert isinstance(refused, UsageError)
    assert "neither a missed case nor a false alarm costs anything" in str(refused)


def test_a_threshold_and_a_time_column_can_be_given(suite: Run, payments: Path, tmp_path: Path) -> None:
    done = suite("fit", "fraud", "--data", payments, "--models", tmp_path, "--epochs", "1", "--quiet",
                 "--threshold", "0.42", "--time-column", "speed")  # fmt: skip
    assert done.returncode == 0, done.stderr
    card = artifact.read_card(tmp_path / "fraud" / "1")
    assert card
    assert card.threshold == 0.42
    assert card.training["threshold"] == "0.42"
    assert "split: in time by speed" in card.data["detected"]
    assert "speed" not in [spec.name for spec in card.inputs]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "most"), "'most' is no rule for a threshold"),
        (("--threshold", "f1", "--cost-false-negative", "2"), "each choose the threshold"),
        (("--time-column", "when"), "there is no column 'when'"),
        (("--time-column", "customer"), "the time column 'customer' holds neither dates nor numbers"),
        (("--preset", "quick"), "there is no preset of fraud 'quick'"),
    ],
)
def test_invalid_rules_columns_and_presets_are_refused(
    payments: Path, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    arguments = ["fit", "fraud", "--data", str(payments), "--models", str(tmp_path), *options]
    refused = CliRunner().invoke(group, arguments).exception
    assert isinstance(refused, SuiteError)
    assert message in str(refused)
    assert not list(tmp_path.iterdir())


def test_a_preset_sets_hyperparameters_and_epochs(suite: Run, tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    np.savez(tmp_path / "a.npz", images=pictures, labels=np.arange(40) % 2)
    arguments = ("fit", "image_cls", "--data", tmp_path / "a.npz", "--models", tmp_path, "--preset", "quick")
    done = suite(*arguments, "--set", "conv.filters=16")
    assert done.returncode == 0, done.stderr
    card = artifact.read_card(tmp_path / "image_cls" / "1")
    assert card
    assert card.hyperparameters["conv/connection"] == "plain"
    assert card.hyperparameters["training/weight_decay"] == 0.2
    assert card.hyperparameters["conv/filters"] == 16
    assert "epoch 1/18 " in done.stdout


def test_mlflow_that_is_not_installed_is_told_before_training(
    make: Callable[[str], Any], payments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make("fraud")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    arguments = ["fit", "fraud", "--data", str(payments), "--models", str(tmp_path), "--epochs", "1", "--mlflow"]
    done = CliRunner().invoke(group, arguments)
    assert isinstance(done.exception, UsageError)
    assert "pip install 'neural-suite[mlflow]'" in str(done.exception)
    assert "val_" not in done.output
    assert not artifact.model_names(tmp_path)


def test_mlflow_that_is_installed_gets_the_run(
    suite: Run, payments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "runs").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    done = suite("fit", "fraud", "--data", payments, "--models", tmp_path, "--epochs", "1", "--name", "payments",
                 "--mlflow", "--set", "mlp.units=16")  # fmt: skip
    assert done.returncode == 0, done.stderr
    client = mlflow.MlflowClient((tmp_path / "runs").as_uri())
    (run,) = client.search_runs([client.get_experiment_by_name("payments").experiment_id])
    assert run.data.params["mlp/units"] == "16"
    assert "val_average_precision" in run.data.metrics


def test_a_missed_case_costs_its_amount_or_the_mean_of_all(payments: Path) -> None:
    dataset = tables.read(payments, DataOptions())
    rows = np.array([0, 1, 2])
    amount = dataset.inputs["amount"][rows].astype(np.float64)
    found = cost_column.amounts(dataset, ThresholdRule(costs=ErrorCosts(column="amount")), rows)
    assert np.isnan(amount[0])
    np.testing.assert_allclose(found, [-amount[1:].mean(), -amount[1], -amount[2]])
