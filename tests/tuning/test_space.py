from keras_tuner import HyperParameters

from tuning import space


def declared() -> HyperParameters:
    hp = HyperParameters()
    with hp.name_scope("conv"):
        hp.Choice("filters", [16, 32, 64], default=32)
        hp.Int("depth", 1, 4, default=2)
        hp.Boolean("squeeze", default=False)
    hp.Float("dropout", 0.0, 0.5, step=0.1, default=0.2)
    hp.Float("rate", 1e-4, 1e-1, sampling="log", default=1e-3)
    hp.Fixed("network", "stages")
    return hp


def test_every_dimension_says_what_it_may_be() -> None:
    found = {dimension.name: dimension for dimension in space.dimensions(declared())}
    assert [(name, one.values) for name, one in found.items()] == [
        ("conv.filters", 3), ("conv.depth", 4), ("conv.squeeze", 2), ("dropout", 6), ("rate", None)
    ]  # fmt: skip
    assert found["conv.filters"].range == "16, 32, 64"
    assert found["conv.depth"].range == "1 to 4 by 1"
    assert found["rate"].range == "0.0001 to 0.1 (logarithmic)"
    assert found["conv.filters"].default == 32


def test_the_size_counts_combinations_and_continua_apart() -> None:
    found = space.dimensions(declared())
    assert space.size(found) == (3 * 4 * 2 * 6, 1)
    assert (
        space.describe_size(found) == "5 hyperparameters, 144 combinations, times 1 that can be any number in a range"
    )
