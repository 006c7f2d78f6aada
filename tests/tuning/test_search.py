import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from suite import artifact
from suite import domain as registry
from tuning.strategies import STRATEGIES

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture(scope="session")
def prepared(make: Callable[[str], Any]) -> Any:
    """The fraud domain's example rows, preprocessed."""
    dataset = make("fraud").dataset
    from suite.training.data import prepare

    return prepare(registry.get("fraud"), dataset)


def run(prepared: Any, strategy: str, **changes: Any) -> tuple[Any, list[Any]]:
    from suite.training.fit import Settings
    from tuning.search import search

    ended: list[Any] = []
    settings = Settings(changes.pop("epochs", 2), changes.pop("seed", 0), "average_precision")
    options = {"trials": 3} | changes
    found = search(
        registry.get("fraud"),
        prepared,
        strategy=strategy,
        settings=settings,
        on_progress=lambda _: None,
        on_trial=ended.append,
        **options,
    )
    return found, ended


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_tries_what_it_may_and_returns_the_best(prepared: Any, strategy: str) -> None:
    found, ended = run(prepared, strategy)
    assert [trial.status for trial in found.trials] == ["completed"] * 3
    assert ended == found.trials
    assert found.best.score == max(trial.score for trial in found.trials)
    assert all(trial.seconds > 0 for trial in found.trials)
    assert len({json.dumps(trial.hyperparameters) for trial in found.trials}) == 3
    assert not any(name.startswith("tuner/") for trial in found.trials for name in trial.hyperparameters)


def test_a_trial_holds_what_its_own_network_asks_for(prepared: Any) -> None:
    from suite.training.fit import Settings
    from tuning.hypermodel import DomainHyperModel

    hypermodel = DomainHyperModel(registry.get("fraud"), prepared, Settings(1, 0, "accuracy"), lambda _: None)
    # KerasTuner draws for every trunk that some trial has had.
    drawn = {"trunk": "resnet", "resnet/depth": 1, "mlp/depth": 4, "training/batch_size": 64}
    assert hypermodel.asked(drawn) == {"trunk": "resnet", "resnet/depth": 1, "training/batch_size": 64}
    assert hypermodel.asked({"training/precision": "none such"}) == {"training/precision": "none such"}


def test_the_same_seed_searches_the_same_way(prepared: Any) -> None:
    first, second = run(prepared, "random")[0], run(prepared, "random")[0]
    assert [(t.hyperparameters, t.score) for t in first.trials] == [(t.hyperparameters, t.score) for t in second.trials]
    other = run(prepared, "random", seed=1)[0]
    assert [t.hyperparameters for t in first.trials] != [t.hyperparameters for t in other.trials]


def test_a_search_whose_trials_all_fail_says_so(prepared: Any) -> None:
    from suite.errors import SuiteError

    broken = replace(prepared, y=prepared.y + 7)
    with pytest.raises(SuiteError, match="out of bounds"):
        run(broken, "random")


def test_what_cannot_be_built_is_infeasible_and_costs_no_trial() -> None:
    from suite.training.data import prepare
    from suite.training.fit import Settings
    from tuning.search import search

    domain = registry.get("image_cls")
    dataset = domain.example()
    tiny = replace(dataset, inputs={"image": dataset.inputs["image"][:, ::4, ::4]})
    ended: list[Any] = []
    found = search(
        domain, prepare(domain, tiny), strategy="random", trials=2, settings=Settings(1, 0, "accuracy"),
        on_progress=lambda _: None, on_trial=ended.append,
    )  # fmt: skip
    statuses = [trial.status for trial in found.trials]
    assert set(statuses) == {"completed", "infeasible"}
    assert statuses.count("completed") == 2
    assert all((trial.score is None) == (trial.status == "infeasible") for trial in found.trials)


@pytest.mark.slow
def test_tune_saves_an_ordinary_artifact(suite: Run, tmp_path: Path) -> None:
    done = suite(
        "tune", "fraud", "--trials", "2", "--trial-epochs", "1", "--epochs", "2", "--models", tmp_path, "--json"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [trial["status"] for trial in result["trials"]] == ["completed", "completed"]
    assert result["best"] in result["trials"]
    card = artifact.read_card(Path(result["artifact"]))
    assert card
    assert {name: card.hyperparameters[name] for name in result["best"]["hyperparameters"]} == result["best"][
        "hyperparameters"
    ]
    assert card.search["best"] == result["best"]["id"]
    assert "trial 2/2 completed" in done.stderr
    assert list((tmp_path / ".tensorboard" / "fraud").rglob("events.*"))
    answered = suite("predict", "fraud", "--input", "-", "--models", tmp_path, stdin='{"Amount": 5}')
    assert answered.returncode == 0
