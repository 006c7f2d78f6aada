from functools import partial
from typing import Any

import numpy as np
import pytest
from keras_tuner import HyperParameters

from suite.errors import UsageError

TINY = {"height": 8, "width": 8, "channels": 1}
# What the network is made of, one choice of each registry at a time; the rest small.
SMALL = {"conv/filters": 8, "conv/stem": 1, "conv/stages": 2}
ROWS = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 1), dtype=np.uint8)


def build(values: dict[str, Any], shape: dict[str, int] = TINY) -> Any:
    from suite.blocks import heads
    from suite.domains.image_cls import model

    hp = HyperParameters()
    hp.values.update(values)
    return model.build(hp, {"kind": "image", **shape}, partial(heads.classification, classes=3))


def parts() -> list[tuple[str, Any]]:
    """Every entry of every registry of the trunk."""
    from suite.blocks import activations, conv, norms
    from suite.blocks.convolutions import CONVOLUTIONS

    registries: dict[str, Any] = {
        "conv/convolution": CONVOLUTIONS,
        "conv/normalization": norms.NAMES,
        "conv/connection": conv.CONNECTIONS,
        "conv/activation": activations.INITIALIZERS,
        "conv/squeeze_excite": [True],
        "conv/stochastic_depth": [0.5],
        "conv/kernels": ["growing", "shrinking"],
        "conv/pooling": ["average"],
        "conv/l2": [1e-4],
        "pool/pooling": ["average", "max", "flatten"],
        "network": ["lenet"],
    }
    return [(name, choice) for name, registry in registries.items() for choice in registry]


@pytest.mark.parametrize(("name", "choice"), parts())
def test_every_part_exports_and_every_engine_agrees(name: str, choice: Any, tmp_path: Any) -> None:
    from suite.artifact import TensorSpec
    from suite.training import export

    trunk = {
        **SMALL,
        "conv/repeats": 1,
        "conv/stages": 2 if name in ("conv/kernels", "conv/pooling") else 1,
        "conv/kernel": 3,
    }
    if choice == "growing":
        trunk["conv/kernel"] = 1
    model = build({**({} if name == "network" else trunk), name: choice})
    for weight in model.trainable_variables:  # so that offsets, gates and branches do something
        weight.assign(weight + np.random.default_rng(0).normal(0, 0.2, weight.shape))
    specs = [TensorSpec("image", "uint8", (8, 8, 1), "image")]
    engines, notes = export.export(tmp_path, model, {"kind": "image", **TINY}, specs, {"image": ROWS})
    assert notes == []
    assert engines["litert"]["max_abs_diff"] <= export.TOLERANCE


@pytest.mark.parametrize("convolution", ["standard", "dilated", "separable", "inverted", "multi_scale", "deformable"])
def test_a_kernel_larger_than_its_map_is_refused_by_the_layers_name(convolution: str) -> None:
    with pytest.raises(UsageError, match=r"conv_1_0_0_\w+: a kernel that spans \d+ x \d+ does not fit .* 4 x 4"):
        build({**SMALL, "conv/kernel": 5 if convolution != "dilated" else 3, "conv/convolution": convolution})


def test_kernels_grow_or_shrink_with_depth_up_to_eleven() -> None:
    def sizes(trend: str) -> list[int]:
        model = build(
            {"conv/stages": 3, "conv/stem": 1, "conv/kernel": 5, "conv/kernels": trend, "conv/repeats": 1},
            {"height": 40, "width": 48, "channels": 3},
        )
        return [model.get_layer(f"conv_{stage}_0_0_conv").kernel_size[0] for stage in range(3)]

    assert sizes("same") == [5, 5, 5]
    assert sizes("growing") == [5, 7, 9]
    assert sizes("shrinking") == [9, 7, 5]
    with pytest.raises(UsageError, match="conv_2_0_0_conv: a kernel of 13 x 13 is larger than 11"):
        build({"conv/stages": 3, "conv/stem": 1, "conv/kernel": 9, "conv/kernels": "growing"},
              {"height": 64, "width": 64, "channels": 3})  # fmt: skip


def test_more_pooling_than_pixels_is_refused_by_the_layers_name() -> None:
    with pytest.raises(UsageError, match="conv_4_pool: a feature map of 1 x 1 cannot be pooled 2 x 2"):
        build({"conv/stem": 1, "conv/kernel": 1, "conv/stages": 5})
    with pytest.raises(UsageError, match="conv_stem_conv: a kernel that spans 9 x 9"):
        build({"conv/stem": 8})
    with pytest.raises(UsageError, match="pool_pool: a feature map of 1 x 1"):
        build({"conv/stem": 1, "conv/kernel": 1, "conv/stages": 4, "pool/pooling": "flatten"})


@pytest.mark.parametrize("side", [1, 2, 3, 5, 8, 16, 28, 32, 64, 128, 224])
def test_pictures_of_any_size_have_a_default_network(side: int) -> None:
    model = build({}, {"height": side, "width": side + 3, "channels": 3})
    assert model.count_params() < 1_500_000
    last = model.get_layer("pool_average").input.shape
    assert min(last[1:3]) <= 8


def test_connections_join_a_block_with_its_input() -> None:
    def last(connection: str) -> tuple[Any, int]:
        model = build({**SMALL, "conv/connection": connection, "conv/stages": 1, "conv/blocks": 2})
        output = model.get_layer("pool_average").input
        return type(output._keras_history.operation).__name__, output.shape[-1]

    assert last("plain") == ("Activation", 8)
    assert last("residual") == ("Add", 8)
    assert last("dense") == ("Concatenate", 1 + 8 + 8)


def test_depth_and_width_are_counted() -> None:
    model = build({"conv/blocks": 3, "conv/repeats": 2, "conv/stages": 2, "conv/filters": 16, "conv/stem": 1})
    filters = [layer.filters for layer in model.layers if layer.name.endswith("_conv") and "short" not in layer.name]
    assert filters == [16] * 6 + [32] * 6


def test_penalties_enter_the_loss() -> None:
    import keras

    plain, penalised = build({**SMALL}), build({**SMALL, "conv/l1": 1e-3, "conv/l2": 1e-3})
    assert plain.losses == []
    kernels = [layer.kernel for layer in penalised.layers if isinstance(layer, keras.layers.Conv2D)]
    expected = sum(1e-3 * (np.abs(kernel).sum() + np.square(kernel).sum()) for kernel in map(np.asarray, kernels))
    assert float(sum(penalised.losses)) == pytest.approx(expected, rel=1e-4)


def test_stochastic_depth_drops_whole_rows_and_keeps_the_mean() -> None:
    from suite.blocks.stochastic_depth import StochasticDepth

    layer = StochasticDepth(0.25, seed=0)
    x = np.ones((4000, 2, 2, 3), np.float32)
    dropped = np.asarray(layer(x, training=True))
    assert (dropped == dropped[:, :1, :1, :1]).all()
    assert (dropped[:, 0, 0, 0] == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert dropped.mean() == pytest.approx(1, abs=0.03)
    assert (np.asarray(layer(x)) == x).all()
    assert StochasticDepth.from_config(layer.get_config()).rate == 0.25
