"""Optuna's samplers beyond the contract of all strategies: pruners, several objectives, a study that can be opened."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from keras_tuner import HyperParameters
from simulated import branching, searchable

from suite.errors import SuiteError, UsageError
from suite.search_record import COMPLETED, FAILED, Objective
from tuning import strategies
from tuning.oracles.options import OracleOptions
from tuning.strategies import Proposal, Strategy

optuna = pytest.importorskip("optuna")
ACCURACY, SIZE = Objective("val_accuracy", "max"), Objective("size", "min")


def many(hp: HyperParameters) -> None:
    hp.Float("good", 0.0, 1.0)
    hp.Float("large", 0.0, 1.0)


def trained(strategy: Strategy, proposal: Proposal) -> int:
    """Train with a score that grows with the epochs until the strategy stops it; the number of epochs trained."""
    epoch, score = 0, 0.0
    for epoch in proposal.rungs:
        score = proposal.values["good"] * epoch
        if epoch < proposal.rungs[-1] and not strategy.should_continue(proposal, epoch, score):
            break
    strategy.tell(proposal, COMPLETED, {ACCURACY.name: score})
    return epoch


@pytest.mark.parametrize("pruner", ["median", "asha"])
def test_a_pruner_ends_the_same_trials_after_a_restart(pruner: str) -> None:
    options = OracleOptions(20, 9, 0, pruner)
    strategy = strategies.create("tpe", searchable(many), [ACCURACY], options)
    asked, epochs = [], []
    for _ in range(20):
        proposal = strategy.ask()
        assert proposal is not None
        assert proposal.rungs == (1, 3, 9)
        asked.append(proposal)
        epochs.append(trained(strategy, proposal))
    assert 1 in epochs
    assert 9 in epochs
    again = strategies.create("tpe", searchable(many), [ACCURACY], options)
    assert [trained(again, again.replay(one.values)) for one in asked] == epochs


@pytest.mark.parametrize("name", ["tpe", "nsga2"])
def test_several_objectives_all_count(name: str) -> None:
    last = []
    for seed in range(3):
        strategy = strategies.create(name, searchable(many), [ACCURACY, SIZE], OracleOptions(150, 1, seed))
        for number in range(150):
            proposal = strategy.ask()
            assert proposal is not None
            good, large = proposal.values["good"], proposal.values["large"]
            strategy.tell(proposal, COMPLETED, {ACCURACY.name: good, SIZE.name: large})
            last += [(good, large)] if number >= 100 else []
    # More of the first and less of the second than by chance.
    assert sum(good for good, _ in last) / len(last) > 0.57
    assert sum(large for _, large in last) / len(last) < 0.43


def test_failed_trials_are_pruned_in_the_study_and_all_trials_are_in_a_file(tmp_path: Path) -> None:
    options = OracleOptions(6, 1, 0, folder=tmp_path)
    for _ in range(2):  # the second search begins a study anew
        strategy = strategies.create("tpe", searchable(branching), [ACCURACY], options)
        for number in range(6):
            proposal = strategy.ask()
            assert proposal is not None
            strategy.tell(proposal, FAILED if number == 2 else COMPLETED, {ACCURACY.name: number / 10})
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(tmp_path / "optuna.log")))
    study = optuna.load_study(study_name="suite tune", storage=storage)
    assert [trial.user_attrs["trial"] for trial in study.trials] == list(range(1, 7))
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "COMPLETE", "PRUNED", *["COMPLETE"] * 3]
    assert study.trials[-1].params == proposal.values
    assert study.best_value == 0.5


def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "optuna.log").mkdir()
    strategy = strategies.create("tpe", searchable(many), [ACCURACY], OracleOptions(6, 1, 0, folder=tmp_path))
    proposal = strategy.ask()
    assert proposal is not None
    with pytest.raises(SuiteError, match=r"optuna.log \(.*\): free some space and go on with --resume"):
        strategy.tell(proposal, COMPLETED, {ACCURACY.name: 0.5})


def test_the_initial_values_are_tried_first(tmp_path: Path) -> None:
    strategy = strategies.create("cmaes", searchable(many), [ACCURACY], OracleOptions(6, 1, 0))
    strategy.start_with({"good": 0.25, "large": 0.75})
    proposal = strategy.ask()
    assert proposal is not None
    assert proposal.values == {"good": 0.25, "large": 0.75}


def test_an_unknown_pruner_or_one_with_two_objectives_is_refused() -> None:
    with pytest.raises(UsageError, match="no pruner 'hope': choose median or asha"):
        strategies.create("tpe", searchable(many), [ACCURACY], OracleOptions(6, 9, 0, "hope"))
    with pytest.raises(UsageError, match="goes by one objective"):
        strategies.create("tpe", searchable(many), [ACCURACY, SIZE], OracleOptions(6, 9, 0, "asha"))


@pytest.mark.skipif(find_spec("torch") is not None, reason="PyTorch is installed")
def test_without_torch_gp_says_what_to_install() -> None:
    with pytest.raises(UsageError, match="pip install torch"):
        strategies.create("gp", searchable(many), [ACCURACY], OracleOptions(6, 9, 0))


def test_without_optuna_its_strategies_say_what_to_install() -> None:
    program = "import sys; sys.modules['optuna'] = None; import tuning.oracles.optuna_samplers"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert "UsageError" in ended.stderr
    assert "pip install 'neural-suite[optuna]'" in ended.stderr
