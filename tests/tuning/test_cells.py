"""The search spaces of the benchmarks whose networks were all trained before: equal networks, simulated searches."""

from itertools import product

import numpy as np
import pytest

from tests.benchmarks import cells, nasbench201, simulated_search


def test_of_125_networks_85_are_distinct() -> None:
    every = list(product(cells.OPERATIONS, repeat=len(cells.EDGES)))
    distinct = cells.distinct()
    assert (len(every), len(distinct)) == (125, 85)
    assert {cells.canonical(operations) for operations in every} == set(distinct)
    assert [cells.canonical(operations) for operations in distinct] == distinct


@pytest.mark.parametrize(
    "operations",
    [
        ("conv_3x3", "average_3x3", "none"),  # the first edge leads nowhere
        ("none", "conv_1x1", "conv_3x3"),  # the last edge comes from nothing
        ("conv_1x1", "none", "none"),  # nothing reaches the end
    ],
)
def test_networks_with_equal_canonical_operations_answer_the_same_with_the_same_weights(
    operations: cells.Operations,
) -> None:
    given, canonical = cells.network(operations), cells.network(cells.canonical(operations))
    canonical.set_weights(given.get_weights())
    x, _ = cells.digits()["test"]
    np.testing.assert_array_equal(given(x[:32]), canonical(x[:32]))


def test_a_cell_of_nasbench201_is_read_and_costs_what_its_convolutions_cost() -> None:
    cell = "|nor_conv_3x3~0|+|nor_conv_1x1~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|"
    operations = nasbench201.parsed(cell)
    assert operations == ("nor_conv_3x3", "nor_conv_1x1", "none", "nor_conv_3x3", "none", "skip_connect")
    # Nothing leaves node 1.
    assert cells.canonical(operations, nasbench201.EDGES) == ("none", *operations[1:])
    assert nasbench201.weights(operations) == 5 * (16**2 + 32**2 + 64**2) * 19
    assert nasbench201.multiply_adds(operations) == 3 * 5 * 16**2 * 32**2 * 10


def test_a_simulated_search_is_told_of_a_training_and_measured_by_the_table() -> None:
    every = list(product(cells.OPERATIONS, repeat=len(cells.EDGES)))
    # What is told mistakes the second best network for the best one.
    accuracies = {operations: number / 125 for number, operations in enumerate(every)}
    told = accuracies | {every[-2]: 2.0}
    table = simulated_search.Table(
        cells.EDGES, cells.OPERATIONS, 1, accuracies, lambda operations, epoch, seed: told[operations], cells.canonical
    )
    tried = simulated_search.search(table, "grid", seed=0, trials=125)
    assert dict(tried) == told
    assert simulated_search.regret(table, tried) == pytest.approx(1 / 125)
    assert simulated_search.regret(table, tried[:1]) == pytest.approx(124 / 125)
