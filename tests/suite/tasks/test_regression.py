"""The task of numbers: what its head learns, and its intervals."""

import numpy as np
import pytest

from suite import task as tasks
from suite.training import regression_metrics


def outputs(prediction: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
    return np.stack([prediction, prediction - deviation, prediction + deviation], axis=1)


def test_the_margin_holds_its_share_of_further_rows_whatever_the_network_answers() -> None:
    generator = np.random.default_rng(0)
    deviation = generator.uniform(0.1, 3, 4_000)
    y = 5 + generator.standard_t(3, 4_000) * deviation  # far more extreme errors than a normal distribution has
    guess = outputs(np.full(4_000, 5.0), 7 * deviation)
    margin = regression_metrics.conformal_margin(y[:2_000], guess[:2_000], 0.9)
    widened = outputs(guess[2_000:, 0], margin * 7 * deviation[2_000:])
    assert regression_metrics.evaluate(y[2_000:], widened)["coverage"] == pytest.approx(0.9, abs=0.02)


def test_metrics_equal_those_of_scikit_learn() -> None:
    from sklearn import metrics

    y = np.random.default_rng(0).normal(1e-9, 1e-9, 50)
    prediction = y + np.linspace(-1e-9, 1e-9, 50)
    found = regression_metrics.evaluate(y, outputs(prediction, 1e-10))
    assert found["r2"] == pytest.approx(metrics.r2_score(y, prediction), rel=1e-6)
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(y, prediction), rel=1e-6)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(y, prediction), rel=1e-6)
    alike = regression_metrics.evaluate(np.ones(5), outputs(np.ones(5), 1.0))
    assert "r2" not in alike
    assert tasks.get("regression").undefined_metrics(np.ones(5), [], alike) == [
        "all rows have the number 1: there is no r2"
    ]


def test_the_head_trains_as_its_members_would_alone_and_answers_with_their_mixture() -> None:
    import keras

    from suite.blocks.regression import Interval
    from suite.training.losses import QuadraticLoss

    means, deviations = np.array([[0.5, -1.0, 2.0]]), np.array([[0.5, 1.0, 2.0]])
    members = np.stack([means, np.log(deviations)], axis=-1).astype(np.float32)
    layer, y = Interval(centre=100.0, scale=10.0), np.array([[0.7]], np.float32)
    loss = QuadraticLoss()(y, layer(members, training=True))
    # Weighted with its variance, the likelihood of a normal distribution is half of the squared error, and a term.
    alone = (0.7 - means) ** 2 / 2 + deviations**2 * np.log(deviations)
    assert float(loss) == pytest.approx(alone.mean(), rel=1e-5)
    mean, lower, upper = np.asarray(layer(members))[0]
    variance = (deviations**2 + means**2).mean() - means.mean() ** 2
    assert mean == pytest.approx(100 + 10 * means.mean())
    assert (upper - lower) / 2 == pytest.approx(10 * np.sqrt(variance), rel=1e-5)
    layer.margin.assign(2.0)
    assert np.asarray(layer(members))[0][2] == pytest.approx(mean + 20 * np.sqrt(variance), rel=1e-5)
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert again.get_config() == layer.get_config()
