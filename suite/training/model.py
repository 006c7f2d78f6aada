"""A domain's network for given hyperparameters, compiled the way all are."""

from collections.abc import Callable
from typing import Any

import keras
from keras_tuner import HyperParameters

from suite.domain import Domain, Recipe
from suite.training import precision
from suite.training.data import Prepared
from suite.training.losses import FocalCrossEntropy

WARM_UP = 0.05
CLIP = 1.0
Optimizer = Callable[..., keras.optimizers.Optimizer]
# Each with what its steps are to AdamW's: a `learning_rate` means the same whichever optimiser takes it.
OPTIMIZERS: dict[str, tuple[Optimizer, float]] = {
    "adamw": (keras.optimizers.AdamW, 1.0),
    "adam": (keras.optimizers.Adam, 1.0),
    "sgd": (lambda rate, **rest: keras.optimizers.SGD(rate, momentum=0.9, nesterov=True, **rest), 20.0),
    "lion": (keras.optimizers.Lion, 0.2),
    "muon": (keras.optimizers.Muon, 1.0),
}
SCHEDULES = ("cosine", "one_cycle", "constant")


def build(domain: Domain, hp: HyperParameters, prepared: Prepared, epochs: int) -> keras.Model:
    """The compiled network, its learning rate spread over all steps of `epochs`."""
    with precision.applied(precision.choose(hp)):
        model = domain.build(hp, prepared.preprocessing, len(prepared.labels))
    # The network itself computes nothing: it must not round its inputs before a layer has seen them.
    model.dtype_policy = precision.FLOAT32
    domain.augmentation(hp)
    steps_of_epoch = -(-len(prepared.rows["train"]) // batch_size(hp, domain.recipe))
    model.compile(optimizer(hp, domain.recipe, epochs * steps_of_epoch), loss(hp, domain.recipe), metrics=["accuracy"])
    balance(hp)
    return model


def declare(hp: HyperParameters, recipe: Recipe) -> None:
    """Ask for all that decides how a network is trained, without one."""
    precision.choose(hp)
    batch_size(hp, recipe)
    optimizer(hp, recipe, 1)
    loss(hp, recipe)
    balance(hp)


def batch_size(hp: HyperParameters, recipe: Recipe) -> int:
    """How many rows a step of training takes."""
    with hp.name_scope("training"):
        return int(hp.Choice("batch_size", [16, 32, 64, 128, 256, 512, 1024], default=recipe.batch_size))


def balance(hp: HyperParameters) -> tuple[float, float]:
    """How far rare classes are brought up by the weight of their rows, and by how often they are seen.

    Exponents from 0 (as the data has it) to 1 (all classes alike).
    """
    with hp.name_scope("training"):
        weight = hp.Float("class_weight", 0.0, 1.0, step=0.25, default=0.0)
        return weight, hp.Float("oversample", 0.0, 1.0, step=0.25, default=0.0)


def loss(hp: HyperParameters, recipe: Recipe) -> FocalCrossEntropy:
    """Cross-entropy with smoothed labels (Szegedy et al. 2016) and a focus on what is hard (Lin et al. 2017).

    Both are off at 0.
    """
    with hp.name_scope("training"):
        smoothing = hp.Float("label_smoothing", 0.0, 0.3, step=0.05, default=recipe.label_smoothing)
        return FocalCrossEntropy(smoothing, hp.Float("focal_gamma", 0.0, 5.0, step=0.5, default=0.0))


def optimizer(hp: HyperParameters, recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """The optimiser and its schedule over `steps`; `clip` bounds each gradient's norm, `average` averages the weights.

    SGD with Nesterov's momentum, Adam (Kingma and Ba 2015), AdamW (Loshchilov and Hutter 2019), Lion (Chen et al. 2023)
    or Muon (Jordan et al. 2024), by cosine, one cycle or a constant rate. The averaged weights, exponentially with that
    share of the old, are what is validated and kept (Polyak and Juditsky 1992); 0 is off for both.
    """
    with hp.name_scope("training"):
        make, scale = OPTIMIZERS[hp.Choice("optimizer", list(OPTIMIZERS), default=recipe.optimizer)]
        rate = hp.Float("learning_rate", 1e-4, 2e-2, sampling="log", default=recipe.learning_rate) * scale
        decay = hp.Float("weight_decay", 1e-5, 1.0, sampling="log", default=recipe.weight_decay)
        average = hp.Choice("average", [0.0, 0.9, 0.99, 0.995, 0.999, 0.9995], default=recipe.average)
        schedule = _schedule(hp.Choice("schedule", list(SCHEDULES), default=recipe.schedule), rate, steps)
        clip = hp.Choice("clip", [0.0, 0.1, 1.0, 10.0], default=CLIP)
    return make(
        schedule,
        weight_decay=decay / scale,  # Keras's decay is relative to the rate: what holds for AdamW holds for all
        clipnorm=clip or None,
        use_ema=average > 0,
        ema_momentum=average or 0.99,
    )


def _schedule(name: str, rate: float, steps: int) -> Any:
    """Cosine: a short warm-up, then down to nothing (Loshchilov & Hutter 2017). One cycle: a warm-up of a third
    (Smith 2018). Constant: the same rate throughout."""
    if name == "constant":
        return rate
    warm_up = round((WARM_UP if name == "cosine" else 1 / 3) * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if warm_up else rate, max(1, steps - warm_up), alpha=0.01, warmup_target=rate if warm_up else None,
        warmup_steps=warm_up,
    )  # fmt: skip
