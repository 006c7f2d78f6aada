from keras_tuner import HyperParameters

from suite.errors import UsageError
from suite.search_record import Condition
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


def test_every_dimension_describes_its_range() -> None:
    found = {dimension.name: dimension for dimension in space.dimensions(declared())}
    assert [(name, one.values) for name, one in found.items()] == [
        ("conv.filters", 3), ("conv.depth", 4), ("conv.squeeze", 2), ("dropout", 6), ("rate", None)
    ]  # fmt: skip
    assert found["conv.filters"].range == "16, 32, 64"
    assert found["conv.depth"].range == "1 to 4 by 1"
    assert found["rate"].range == "0.0001 to 0.1 (logarithmic)"
    assert found["conv.filters"].default == 32


def test_the_size_counts_combinations_and_continuous_dimensions() -> None:
    found = space.dimensions(declared())
    assert space.size(found) == (3 * 4 * 2 * 6, 1)
    assert (
        space.describe_size(found) == "5 hyperparameters, 144 combinations, times 1 that can be any number in a range"
    )


def branching(hp: HyperParameters) -> None:
    kind = hp.Choice("kind", ["none", "recurrent", "attention"], default="none")
    if kind != "none":
        hp.Choice("units", [16, 32], default=16)
    if kind == "attention":
        heads = hp.Choice("heads", [1, 2, 4], default=2)
        if heads > 1:
            hp.Float("share", 0.0, 1.0)
    if hp.Int("depth", 0, 4, default=2) >= 2:
        hp.Boolean("residual")
    if hp.Choice("impossible", [False, True], default=False):
        raise UsageError("refused")
    hp.Fixed("network", "stages")


def test_conditional_hyperparameters_are_found_with_their_conditions() -> None:
    found = {dimension.name: dimension for dimension in space.explore(branching)}
    assert set(found) == {
        "kind", "units", "heads", "share", "depth", "residual", "impossible", "network"
    }  # fmt: skip
    assert found["kind"].when == ()
    assert found["units"].when == (Condition("kind", ("recurrent", "attention")),)
    assert found["heads"].when == (Condition("kind", ("attention",)),)
    assert found["share"].when == (Condition("heads", (2, 4)),)
    assert found["residual"].when == (Condition("depth", (2, 3, 4)),)


def test_a_conditional_dimension_counts_only_where_it_exists() -> None:
    # kind none: 1; recurrent: 2 units; attention: 2 units x (1 or, with several heads, a share for each of 2).
    kinds = 1 + 2 + 2 * 3
    depths = 2 + 3 * 2
    assert space.size(space.explore(branching)) == (kinds * depths * 2, 1)


def test_a_default_that_follows_from_another_value_is_not_a_condition() -> None:
    def following(hp: HyperParameters) -> None:
        large = hp.Boolean("large", default=True)
        if hp.Int("stages", 1, 3, default=3 if large else 1) > 1:
            hp.Boolean("pooling")

    found = {dimension.name: dimension for dimension in space.explore(following)}
    assert found["pooling"].when == (Condition("stages", (2, 3)),)
    assert space.size(found.values()) == (2 * (1 + 2 * 2), 0)


def test_the_size_equals_the_number_of_combinations() -> None:
    def tried(hp: HyperParameters) -> None:
        if hp.Choice("trunk", ["plain", "columns"], default="plain") == "plain":
            kind = hp.Choice("numeric", ["none", "bins"], default="bins")
            if kind != "none":
                hp.Choice("width", [2, 4, 8], default=4)
        else:
            hp.Choice("heads", [1, 2], default=1)

    plain, columns = 1 + 3, 2
    assert space.size(space.explore(tried)) == (plain + columns, 0)


def test_oracles_get_parents_before_conditional_hyperparameters() -> None:
    def crossing(hp: HyperParameters) -> None:
        with hp.name_scope("first"):
            hp.Boolean("always")
        with hp.name_scope("second"):
            switch = hp.Choice("switch", ["on", "off"], default="off")
        if switch == "on":
            with hp.name_scope("first"):
                hp.Int("late", 1, 3)

    found = space.explore(crossing)
    assert [dimension.name for dimension in found] == ["first.always", "first.late", "second.switch"]
    assert [item.name for item in space.to_hyperparameters(found).space] == [
        "first/always", "second/switch", "first/late"
    ]  # fmt: skip
