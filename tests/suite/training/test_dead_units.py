import numpy as np
import pytest


@pytest.mark.parametrize(("activation", "bias"), [("relu", -1e3), ("sigmoid", 1e3), ("tanh", -1e3), ("elu", -1e3)])
def test_units_that_never_change_are_counted_by_layer(activation: str, bias: float) -> None:
    import keras
    from keras import layers

    from suite.training.dead_units import dead_units

    image = keras.Input((4, 4, 1), name="image")
    x = layers.Activation(activation, name="map")(layers.Conv2D(4, 3, name="conv")(image))
    x = layers.Dense(8, activation=activation, name="dense")(layers.Flatten()(x))
    model = keras.Model({"image": image}, layers.Dense(3, activation="softmax", name="answer")(x))
    rng = np.random.default_rng(0)
    model.get_layer("dense").bias.assign(np.where(np.arange(8) < 2, bias, 0.1))
    batches = [{"image": rng.normal(size=(16, 4, 4, 1)).astype(np.float32)} for _ in range(2)]
    assert dead_units(model, batches) == {"map": 0.0, "dense": 0.25}


def test_a_unit_that_is_active_in_one_batch_is_alive() -> None:
    import keras

    from suite.training.dead_units import dead_units

    x = keras.Input((1,))
    model = keras.Model(x, keras.layers.ReLU(name="relu")(x))
    negative, positive = np.float32([[-1.0], [-2.0]]), np.float32([[3.0]])
    assert dead_units(model, [negative]) == {"relu": 1.0}
    assert dead_units(model, [negative, positive]) == {"relu": 0.0}


def test_a_model_without_activations_has_none() -> None:
    import keras

    from suite.training.dead_units import dead_units

    x = keras.Input((2,))
    answer = keras.layers.Activation("softmax")(keras.layers.Dense(2)(x))
    assert dead_units(keras.Model(x, answer), [np.zeros((1, 2))]) == {}
