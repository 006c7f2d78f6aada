import numpy as np
import pytest
from search_records import (
    SPACE,
    ranked,
    search_json,
    section_text,
    synthetic_search,
    trial,
)

from suite.report.search import importance


def test_decisive_hyperparameters_are_important_and_the_result_is_reproducible() -> None:
    search = ranked(synthetic_search(120))
    measured = importance.measure(search)
    assert measured is not None
    assert set(list(measured.drops)[:3]) == {"training.learning_rate", "trunk", "mlp.units"}
    assert measured.r2 > 0.5
    assert measured.drops["training.codes"] < 0.05
    assert importance.measure(search) == measured


def test_r2_is_out_of_bag() -> None:
    from sklearn.ensemble import RandomForestRegressor

    search = ranked(synthetic_search(40))
    measured = importance.measure(search)
    assert measured is not None
    columns = [
        importance.encode(one, [each.hyperparameters.get(one.name) for each in search.ranked]) for one in search.varying
    ]
    forest = RandomForestRegressor(importance.TREES, random_state=0, oob_score=True)
    forest.fit(np.concatenate(columns, axis=1), np.clip(search.scores, *search.score_limits))
    assert measured.r2 == pytest.approx(forest.oob_score_)


@pytest.mark.parametrize("count", [1, importance.MIN_TRIALS - 1])
def test_importance_needs_enough_trials(count: int) -> None:
    tried = [trial(n, {"trunk": ["mlp", "transformer"][n % 2]}, 0.5 + n / 100) for n in range(count)]
    search = search_json(SPACE, tried)
    assert importance.measure(ranked(search)) is None
    assert "too few to tell which hyperparameters matter (it takes 8)" in section_text(search)


def test_importance_needs_trials_that_differ() -> None:
    search = search_json(SPACE, [trial(n, {"trunk": ["mlp", "transformer"][n % 2]}, 0.5) for n in range(12)])
    assert "too alike to tell" in section_text(search)


def test_absent_hyperparameters_have_their_own_code() -> None:
    trunk, _, rate, *_ = ranked(search_json(SPACE, [trial(0, {}, 0.5)])).dimensions
    names = ["mlp", None, "transformer"]
    np.testing.assert_array_equal(importance.encode(trunk, names), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    encoded = importance.encode(rate, [0.01, None, 0.001])[:, 0]
    assert encoded[0] - encoded[2] == pytest.approx(np.log(10))
    assert encoded[1] < encoded[2] - 0.5
