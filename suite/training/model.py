"""A domain's compiled network: optimiser, schedule, loss, and the hyperparameters of training."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.blocks import stacking
from suite.domain import Domain, Recipe
from suite.notation import slashed
from suite.task import Task
from suite.training import precision
from suite.training.data import PreparedData
from suite.training.losses import FocalCrossEntropy, LabelCrossEntropy
from suite.training.thinning import Thinning

COSINE_WARM_UP = 0.05
ONE_CYCLE_WARM_UP = 1 / 3
DEFAULT_CLIP = 1.0
Optimizer = Callable[..., keras.optimizers.Optimizer]
# Each with the factor from AdamW's learning rate to its own: `learning_rate` means the same for all of them.
OPTIMIZERS: dict[str, tuple[Optimizer, float]] = {
    "adamw": (keras.optimizers.AdamW, 1.0),
    "adam": (keras.optimizers.Adam, 1.0),
    "sgd": (lambda rate, **rest: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **rest), 20.0),
    "lion": (keras.optimizers.Lion, 0.2),
    "muon": (keras.optimizers.Muon, 1.0),
}
SCHEDULES = ("cosine", "one_cycle", "constant")


def recipe_of(domain: Domain, prepared: PreparedData, values: Mapping[str, Any]) -> Recipe:
    """The default training of a network with these hyperparameters."""
    return domain.recipe_of(values, prepared.preprocessing) if prepared.base else domain.recipe


def base_members(prepared: PreparedData, values: Mapping[str, Any]) -> list[str]:
    """The base models that a network with these hyperparameters corrects."""
    members = str(values.get("members", stacking.MEMBERS[0])).split("+")
    return [member for member in stacking.BASE if member in members] if prepared.base else []


def rows_of_epoch(prepared: PreparedData, values: Mapping[str, Any]) -> int:
    """How many rows an epoch sees in a training with these hyperparameters."""
    oversamples = {slashed(name): value for name, value in values.items()}.get("training/oversample", 0)
    if prepared.base is None or not base_members(prepared, values) or oversamples:
        return len(prepared.rows["train"])
    return prepared.base.rows_of_epoch


def build(domain: Domain, hp: HyperParameters, prepared: PreparedData, epochs: int) -> keras.Model:
    """The compiled network, with the learning rate's schedule over all steps of `epochs`.

    Where it corrects base models, their scores are one of its inputs; see `complete`.
    """
    with precision.applied(precision.choose(hp)):
        model = domain.build(hp, prepared.preprocessing, prepared.head)
    # The network's own policy would round its inputs before they reach a layer.
    model.dtype_policy = precision.FLOAT32
    domain.augmentation(hp)
    rows, recipe = rows_of_epoch(prepared, hp.values), recipe_of(domain, prepared, hp.values)
    steps_of_epoch = -(-rows // batch_size(hp, recipe, rows))
    task = prepared.task
    model.compile(
        optimizer(hp, recipe, epochs * steps_of_epoch), task.loss(hp, recipe), metrics=task.training_metrics()
    )
    task.balance(hp)
    return model


def with_base_scores(
    model: keras.Model, hp: HyperParameters, prepared: PreparedData
) -> tuple[PreparedData, Thinning | None]:
    """The data with the scores of the base models that a network corrects, which gets the weights of these.

    Base models are fitted now, if they are not yet. By their scores the rows of a common class may be thinned out.
    """
    if prepared.base is None or stacking.INPUT not in model.input:
        return prepared, None
    members = base_members(prepared, hp.values)
    model.get_layer(stacking.WEIGHTED).kernel.assign(prepared.base.weights(members))
    core = {**prepared.core, stacking.INPUT: prepared.base.scores(members)}
    return replace(prepared, core=core), prepared.base.thinning(members)


def complete(domain: Domain, hp: HyperParameters, prepared: PreparedData, model: keras.Model) -> keras.Model:
    """The network with base models as layers where it has their scores as an input; else the same one.

    It is compiled as the network was.
    """
    if stacking.INPUT not in model.input:
        return model
    whole = domain.build(hp, prepared.preprocessing, prepared.complete_head)
    for layer in model.layers:
        if layer.weights:
            whole.get_layer(layer.name).set_weights(layer.get_weights())
    whole.compile_from_config(model.get_compile_config())
    return whole


def declare(hp: HyperParameters, recipe: Recipe, task: Task, rows: int) -> None:
    """Declare the hyperparameters of a training on so many rows, without building a network."""
    precision.choose(hp)
    batch_size(hp, recipe, rows)
    optimizer(hp, recipe, 1)
    task.loss(hp, recipe)
    task.balance(hp)


def batch_size(hp: HyperParameters, recipe: Recipe, rows: int) -> int:
    """The number of rows in a training step, where there are so many training rows."""
    with hp.name_scope("training"):
        return int(hp.Choice("batch_size", [16, 32, 64, 128, 256, 512, 1024], default=recipe.batch_size_for(rows)))


def balance(hp: HyperParameters) -> tuple[float, float]:
    """How far rare classes are balanced by the weight of their rows, and by how often their rows are seen.

    Both are exponents from 0 (as in the data) to 1 (all classes alike).
    """
    with hp.name_scope("training"):
        weight = hp.Float("class_weight", 0.0, 1.0, step=0.25, default=0.0)
        return weight, hp.Float("oversample", 0.0, 1.0, step=0.25, default=0.0)


def loss(
    hp: HyperParameters, recipe: Recipe, make: type[FocalCrossEntropy | LabelCrossEntropy] = FocalCrossEntropy
) -> keras.losses.Loss:
    """Cross-entropy with label smoothing (Szegedy et al. 2016) and a focus on hard rows (Lin et al. 2017).

    Both are off at 0. `make` is the loss: that of classes, or of labels of which any number may hold.
    """
    with hp.name_scope("training"):
        smoothing = hp.Float("label_smoothing", 0.0, 0.3, step=0.05, default=recipe.label_smoothing)
        return make(smoothing, hp.Float("focal_gamma", 0.0, 5.0, step=0.5, default=0.0))


def optimizer(hp: HyperParameters, recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The optimiser and its schedule over `steps`; `clip` bounds each gradient's norm, `average` averages the weights.

    Optimisers are SGD with Nesterov's momentum, Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), Lion
    (Chen et al. 2023) and Muon (Jordan et al. 2024); schedules are cosine, one cycle and a constant rate. The averaged
    weights, an exponential moving average with that decay, are validated and kept (Polyak and Juditsky 1992). `clip`
    and `average` are off at 0.
    """
    with hp.name_scope("training"):
        make, scale = OPTIMIZERS[hp.Choice("optimizer", list(OPTIMIZERS), default=recipe.optimizer)]
        rate = hp.Float("learning_rate", 1e-4, 2e-2, sampling="log", default=recipe.learning_rate) * scale
        decay = hp.Float("weight_decay", 1e-5, 1.0, sampling="log", default=recipe.weight_decay)
        average = hp.Choice("average", [0.0, 0.9, 0.99, 0.995, 0.999, 0.9995], default=recipe.average)
        schedule = _schedule(hp.Choice("schedule", list(SCHEDULES), default=recipe.schedule), rate, steps)
        clip = hp.Choice("clip", [0.0, 0.1, 1.0, 10.0], default=DEFAULT_CLIP)
    return make(
        schedule,
        weight_decay=decay / scale,  # Keras multiplies the decay by the rate: the product is the same for all
        clipnorm=clip or None,
        use_ema=average > 0,
        ema_momentum=average or 0.99,
    )


def _schedule(name: str, rate: float, steps: int) -> Any:
    """Cosine decay after a short warm-up (Loshchilov & Hutter 2017) or after one of a third (one cycle, Smith 2018).

    Or a constant rate.
    """
    if name == "constant":
        return rate
    warm_up = round((COSINE_WARM_UP if name == "cosine" else ONE_CYCLE_WARM_UP) * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else rate, max(1, steps - warm_up), alpha=0.01, warmup_target=rate if warm_up else None,
        warmup_steps=warm_up,
    )  # fmt: skip


def values_per_row(model: keras.Model) -> int:
    """How many values all layers compute for a row, in `inner_values` beside their outputs: about what it costs."""
    outputs = sum(math.prod(size or 1 for size in layer.output.shape[1:]) for layer in model.layers)
    return outputs + sum(getattr(layer, "inner_values", 0) for layer in model.layers)
