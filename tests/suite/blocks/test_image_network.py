"""What the domain for images promises of its defaults and presets."""

from typing import Any

import pytest

from suite import domain as registry


@pytest.fixture(scope="module")
def prepared() -> Any:
    from suite.training.data import prepare

    domain = registry.get("image_cls")
    return prepare(domain, domain.example())


@pytest.mark.parametrize("preset", [*registry.get("image_cls").presets])
def test_every_preset_is_a_network_that_can_be_built(prepared: Any, preset: str) -> None:
    from suite import workflow
    from suite.training.model import build

    domain = registry.get("image_cls")
    values = {name: value for name, value in domain.presets[preset].items() if name != "epochs"}
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, values)
    model = build(domain, hp, prepared, 1)
    names = {layer.name for layer in model.layers}
    assert ("lenet_dense_2" in names) == (preset == "lenet")
    assert domain.augmentation(hp) is None
    if preset == "quick":
        assert sum(weights.size for weights in model.get_weights()) - 1 == 242_730  # beside the temperature


def test_the_quick_network_keeps_its_units_alive() -> None:
    from suite import workflow
    from suite.data import builtin
    from suite.data.options import DataOptions
    from suite.training import fit
    from suite.training.data import prepare
    from suite.training.dead_units import dead_units

    domain = registry.get("image_cls")
    some = prepare(domain, builtin.load("fashion_mnist", DataOptions()).sample(1_500))
    values = {name: value for name, value in domain.presets["quick"].items() if name != "epochs"}
    hp = workflow.resolve_hyperparameters(domain, some, 4, values)
    fitted = fit.fit(domain, hp, some, fit.TrainingSettings(4, 0, some.task.objective))
    shares = dead_units(fitted.model, [some.split("validation")])
    assert max(shares.values()) < 0.05, shares


def test_fewer_epochs_where_there_are_more_rows() -> None:
    recipe = registry.get("image_cls").recipe
    assert recipe.epochs_for(9_000) == recipe.epochs
    assert recipe.epochs_for(54_000) < recipe.epochs / 2


def test_smaller_batches_where_there_are_few_rows() -> None:
    recipe = registry.get("image_cls").recipe
    assert [recipe.batch_size_for(rows) for rows in (3, 200, 300, 1_023, 1_024, 50_000)] == [16, 16, 32, 64, 128, 128]
    assert registry.get("fraud").recipe.batch_size_for(100_000) == 256


def test_an_unknown_network_is_refused(prepared: Any) -> None:
    from suite import workflow
    from suite.errors import UsageError

    with pytest.raises(UsageError, match="there is no network 'lenett': did you mean 'lenet'"):
        workflow.resolve_hyperparameters(registry.get("image_cls"), prepared, 1, {"network": "lenett"})


def test_augmentation_repeats_with_the_seed(prepared: Any) -> None:
    from suite import workflow
    from suite.training import fit

    domain = registry.get("image_cls")
    values = {
        "conv.filters": 8, "conv.stages": 2, "conv.repeats": 1, "conv.convolution": "modulated_deformable",
        "conv.stochastic_depth": 0.5, "conv.dropout": 0.2, "augment.flip": True, "augment.randaugment": 2,
        "augment.mixup": 0.2, "augment.cutmix": 1.0, "training.batch_size": 16,
    }  # fmt: skip
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, values)
    settings = fit.TrainingSettings(1, 0, prepared.task.objective)
    first, again = (fit.fit(domain, hp, prepared, settings).model.get_weights() for _ in range(2))
    assert all((one == other).all() for one, other in zip(first, again, strict=True))
