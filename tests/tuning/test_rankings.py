"""Rankings of networks before any is trained by itself, and the searches that begin with them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters
from simulated import outcomes, search
from trainings import train

from suite import domain as registry
from suite.errors import UsageError
from suite.search_record import Candidate, Ranking
from suite.training import model as networks
from suite.training.data import prepare
from tuning import domain_space, objectives, ranking, space_restriction
from tuning.ranking import RankingProblem
from tuning.ranking_methods import METHODS
from tuning.supernet.supernet import Supernet
from tuning.task import Task, TaskResult

SMALL = ("network=cells", "cells.filters=8", "cells.nodes=2", "cells.stages=1", "cells.repeats=1",
         "0-1=separable_3x3,identity,none", "0-2=conv_1x1,average_3x3", "1-2=separable_3x3,none")  # fmt: skip
RANKED = Ranking("oneshot", (Candidate({"kind": "deep", "depth": 2, "width": 8, "norm": True}, 0.1),
                             Candidate({"kind": "wide", "share": 0.2, "norm": False}, 0.2)), 20, 1.0)  # fmt: skip


@pytest.fixture(scope="module")
def problem() -> RankingProblem:
    """Two of eight different networks for a few pictures."""
    domain = registry.get("image_cls")
    prepared = prepare(domain, domain.example())
    return RankingProblem(domain, prepared, _dimensions(domain, prepared, SMALL), epochs=1, seed=0, count=2)


def _dimensions(domain: Any, prepared: Any, sets: tuple[str, ...]) -> Any:
    restriction = replace(space_restriction.parse(sets, (), None), others_default=True)
    return domain_space.explore(
        domain, prepared, new_hyperparameters=restriction.new_hyperparameters, settled=restriction.single_values
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_ranking_is_of_networks_of_the_space(problem: RankingProblem, method: str) -> None:
    found = ranking.rank(method, problem)
    assert found.method == method
    assert len(found.candidates) == 2
    scores = [candidate.score for candidate in found.candidates]
    assert scores == sorted(scores)
    assert np.isfinite(scores).all()
    for candidate in found.candidates:
        assert candidate.hyperparameters["cells/0-2"] in ("conv_1x1", "average_3x3")
        assert networks.build(problem.domain, _hp(candidate), problem.prepared, 1).count_params()
    for name, history in found.history.items():
        assert np.allclose([sum(likelihoods) for likelihoods in history], 1, atol=1e-3)
        assert len(history[-1]) == len(found.options[name])
    assert Ranking.from_json(found.to_json()) == found


@pytest.mark.parametrize("method", ["oneshot", "darts"])
def test_candidates_keep_to_a_budget(problem: RankingProblem, method: str) -> None:
    found = ranking.rank(method, replace(problem, limits={"flops": 300_000.0}))
    assert found.candidates
    for candidate in found.candidates:
        model = networks.build(problem.domain, _hp(candidate), problem.prepared, 1)
        assert objectives.measure_costs(model, ["flops"])["flops"] <= 300_000


@pytest.mark.parametrize("method", ["oneshot", "proxies"])
def test_a_budget_that_no_network_keeps_to_is_told_before_any_training(problem: RankingProblem, method: str) -> None:
    trained: list[Any] = []
    with pytest.raises(UsageError, match=r"^no network of this space [^\n]*within the budget"):
        ranking.rank(method, replace(problem, limits={"flops": 10.0}, report=trained.append))
    assert not trained


def test_the_same_seed_gives_the_same_ranking(problem: RankingProblem) -> None:
    one, other = (ranking.rank("oneshot", problem) for _ in range(2))
    assert replace(one, seconds=0.0) == replace(other, seconds=0.0)


def test_a_training_step_leaves_closed_branches_as_they_are(problem: RankingProblem) -> None:
    supernet = Supernet.of(problem, epochs=1)
    closed = {name: gate.options[-1] for name, gate in supernet.gates.items()}
    before = {one.variables[0].path: one.variables[0].numpy() for one in supernet.hp.owned}
    path = tuple(0 for _ in closed)
    supernet.train(lambda epoch, steps: np.tile(np.int32(path), (steps, 1)), lambda progress: None, "", seed=0)
    for one in supernet.hp.owned:
        variable = one.variables[0]
        is_open = int(one.selector.position()) == one.branch
        assert (not np.array_equal(variable.numpy(), before[variable.path])) == is_open


@pytest.mark.parametrize(
    ("domain", "sets"),
    [
        ("image_cls", SMALL),
        ("image_cls", ("conv.filters=8", "conv.convolution=standard,separable,inverted", "conv.activation=relu,mish")),
        ("fraud", ("members=mlp", "trunk=mlp,resnet", "depth=1..2", "mlp.activation=relu,selu")),
        ("text_cls", ("reader.kind=gru,lstm,transformer", "reader.units=16", "reader.activation=relu,gelu")),
    ],
)
def test_a_network_by_itself_answers_as_its_path(domain: str, sets: tuple[str, ...]) -> None:
    found = registry.get(domain)
    prepared = prepare(found, found.example())
    supernet = Supernet.of(RankingProblem(found, prepared, _dimensions(found, prepared, sets), 1, 0, 3), epochs=1)
    rows = {name: values[:4] for name, values in prepared.core.items()}
    for path in supernet.paths():
        network, output = supernet.network(path), prepared.task.output
        whole, alone = (model(rows, training=False)[output] for model in (supernet.model, network))
        np.testing.assert_array_equal(whole, alone)


def test_the_networks_of_other_domains_share_weights_too() -> None:
    domain = registry.get("table")
    prepared = prepare(domain, domain.example())
    sets = ("members=mlp", "mlp.activation=relu,silu", "mlp.depth=1..2", "mlp.units=16")
    problem = RankingProblem(domain, prepared, _dimensions(domain, prepared, sets), 1, 0, 3)
    found = ranking.rank("oneshot", problem)
    assert {"mlp/activation", "mlp/depth"} <= set(found.options)
    assert len(found.candidates) == 3


def test_a_search_tries_the_default_then_what_is_ranked_and_no_more(tmp_path: Path) -> None:
    trials = search(tmp_path, "oneshot", trials=None, rank=lambda: RANKED)
    assert [trial.hyperparameters for trial in trials] == [one.hyperparameters for one in RANKED.candidates]


def test_a_warm_start_comes_before_a_strategys_own_proposals(tmp_path: Path) -> None:
    trials = search(tmp_path, "evolution", trials=6, rank=lambda: RANKED, warm_start="proxies")
    assert len(trials) == 6
    assert [trial.hyperparameters for trial in trials[:2]] == [one.hyperparameters for one in RANKED.candidates]


def test_a_resumed_search_does_not_rank_again(tmp_path: Path) -> None:
    ranked: list[None] = []

    def rank() -> Ranking:
        ranked.append(None)
        return RANKED

    def interrupted(task: Task) -> TaskResult:
        if task.trial == 2:
            raise KeyboardInterrupt
        return train(task)

    def run(place: Path, work: Callable[[Task], TaskResult] = train) -> Any:
        return outcomes(search(place, "tpe", trials=5, rank=rank, work=work))

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", interrupted)
    resumed = run(tmp_path / "stopped")
    assert len(ranked) == 1
    assert resumed == run(tmp_path / "whole")


def _hp(candidate: Candidate) -> HyperParameters:
    hp = HyperParameters()
    hp.values.update(candidate.hyperparameters)
    return hp


def test_a_space_whose_edges_may_not_be_none_has_all_its_networks_ranked(problem: RankingProblem) -> None:
    sets = (*SMALL[:5], "0-1=none", "0-2=conv_1x1,identity", "1-2=conv_1x1,conv_3x3")
    restricted = replace(problem, dimensions=_dimensions(problem.domain, problem.prepared, sets))
    supernet = Supernet.of(restricted, epochs=1)
    assert len(supernet.paths()) == supernet.count == 2  # the edge out of nothing is in no network
    rows = {name: values[:4] for name, values in problem.prepared.core.items()}
    for path in supernet.paths():
        whole, alone = (
            model(rows, training=False)["probabilities"] for model in (supernet.model, supernet.network(path))
        )
        np.testing.assert_array_equal(whole, alone)


def test_time_that_is_over_ends_a_ranking_soon(problem: RankingProblem) -> None:
    started = monotonic()
    found = ranking.rank("oneshot", replace(problem, epochs=1_000, deadline=time() + 2.0))
    assert found.candidates
    assert monotonic() - started < 60
