from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suite import domain as registry
from suite.errors import SuiteError
from suite.training import tracking


@pytest.fixture(scope="module")
def fit_with(make: Callable[[str], Any]) -> Callable[[Any], None]:
    dataset = make("fraud").dataset

    def run(callback: Any) -> None:
        from keras_tuner import HyperParameters

        from suite.training import fit
        from suite.training.data import prepare

        domain = registry.get("fraud")
        settings = fit.TrainingSettings(2, 0, "average_precision")
        fit.fit(domain, HyperParameters(), prepare(domain, dataset), settings, callbacks=[callback])

    return run


def test_tensorboard_gets_every_metric_of_every_epoch(fit_with: Callable[[Any], None], tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from suite.training import tracking

    fit_with(tracking.tensorboard(tmp_path, "fraud"))
    (run,) = (tmp_path / ".tensorboard" / "fraud").iterdir()
    events = EventAccumulator(str(run / "train"), size_guidance={"tensors": 0})
    events.Reload()
    assert {"epoch_loss", "epoch_accuracy"} <= set(events.Tags()["tensors"])
    validation = EventAccumulator(str(run / "validation"), size_guidance={"tensors": 0})
    validation.Reload()
    assert [event.step for event in validation.Tensors("epoch_average_precision")] == [0, 1]


def test_a_read_only_store_fails_before_training(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(SuiteError, match=r"cannot write to .*models"):
        tracking.tensorboard(tmp_path / "models", "name")


def test_mlflow_gets_parameters_and_metrics(
    fit_with: Callable[[Any], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from suite.training import tracking

    mlflow = tracking.import_mlflow()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    fit_with(tracking.MLflow("payments", {"dense/units": 32}))
    client = mlflow.MlflowClient((tmp_path / "mlruns").as_uri())
    experiment = client.get_experiment_by_name("payments")
    (run,) = client.search_runs([experiment.experiment_id])
    assert run.info.status == "FINISHED"
    assert run.data.params == {"dense/units": "32"}
    assert [metric.step for metric in client.get_metric_history(run.info.run_id, "val_average_precision")] == [1, 2]


def test_an_unreachable_mlflow_server_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from suite.errors import SuiteError
    from suite.training import tracking

    mlflow = tracking.import_mlflow()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "file"))
    (tmp_path / "file").write_text("not a folder")
    mlflow.set_tracking_uri(str(tmp_path / "file"))
    with pytest.raises(SuiteError, match=r"refused the run .*check \$MLFLOW_TRACKING_URI"):
        tracking.MLflow("payments", {}).on_train_begin()
