"""What changes pictures while a network learns from them, anew each time; every op is seeded and keeps no state."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras_tuner import HyperParameters

from suite.blocks import mixing, randaugment
from suite.domain import Augmentation

HALF = 0.5
SMALLEST_ERASED, LARGEST_ERASED = 0.02, 0.25
# Pictures float32 (N, height, width, channels) of 0 to 255, and a seed, to such pictures.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def pictures(hp: HyperParameters, name: str, key: str) -> Augmentation | None:
    """Changes to the uint8 pictures under `key`, and to their targets where pictures are mixed; None without any.

    Moving and flipping, random erasing (Zhong et al. 2020), RandAugment (Cubuk et al. 2020), MixUp (Zhang et al. 2018)
    and CutMix (Yun et al. 2019), each off at 0.
    """
    with hp.name_scope(name):
        changes = [*placing(hp), *changing(hp), *erasing(hp)]
        mix = mixing.choose(hp)
    if not changes and not mix:
        return None

    def augment(inputs: dict[str, Any], targets: Any, seed: Any) -> tuple[dict[str, Any], Any]:
        x = tf.cast(inputs[key], tf.float32)
        seeds = tf.unstack(tf.random.split(seed, len(changes) + 1))
        for change, own_seed in zip(changes, seeds, strict=False):
            x = change(x, own_seed)
        if mix:
            x, targets = mix(x, targets, seeds[-1])
        return {**inputs, key: tf.saturate_cast(tf.round(x), tf.uint8)}, targets

    return augment


def placing(hp: HyperParameters) -> list[Change]:
    """Pictures moved by up to `shift` of their sides, and every second one mirrored where `flip` is set."""
    shift = hp.Float("shift", 0.0, 0.25, step=0.05, default=0.05)
    flip = hp.Boolean("flip", default=False)
    return [lambda x, seed: place(x, seed, shift, flip)] if shift or flip else []


def changing(hp: HyperParameters) -> list[Change]:
    """RandAugment (Cubuk et al. 2020): `randaugment` changes a picture, drawn from 13, by up to `strength`."""
    times = hp.Int("randaugment", 0, 3, default=0)
    if not times:
        return []
    strength = hp.Float("strength", 0.1, 1.0, step=0.1, default=0.3)
    return [lambda x, seed: randaugment.apply(x, seed, strength)] * times


def erasing(hp: HyperParameters) -> list[Change]:
    """Random erasing (Zhong et al. 2020): a box of 2 to 25 % filled with the mean colour, for a share `erase`."""
    chance = hp.Float("erase", 0.0, 1.0, step=0.1, default=0.3)
    return [lambda x, seed: erase(x, seed, chance)] if chance else []


def place(x: tf.Tensor, seed: tf.Tensor, shift: float, flip: bool) -> tf.Tensor:
    """Each picture moved by up to `shift` of its sides, its edges drawn out, and half of them mirrored left to right
    where `flip` is set."""
    rows, count, height, width = tf.random.split(seed, 3), tf.shape(x)[0], x.shape[1], x.shape[2]
    down = _places(rows[0], count, height, shift)
    across = _places(rows[1], count, width, shift)
    if flip:
        mirrored = tf.random.stateless_uniform((count, 1), rows[2]) < HALF
        across = tf.where(mirrored, width - 1 - across, across)
    return tf.gather(tf.gather(x, down, axis=1, batch_dims=1), across, axis=2, batch_dims=1)


def _places(seed: tf.Tensor, count: tf.Tensor, size: int, shift: float) -> tf.Tensor:
    """Which of `size` pixels come to stand where, int32 (count, size)."""
    most = round(shift * size)
    moved = tf.random.stateless_uniform((count, 1), seed, -most, most + 1, tf.int32)
    return tf.clip_by_value(tf.range(size)[None] + moved, 0, size - 1)


def erase(x: tf.Tensor, seed: tf.Tensor, chance: float) -> tf.Tensor:
    """A box of 2 to 25 % of the picture filled with its mean colour, in a share `chance` of the pictures."""
    seeds, count = tf.random.split(seed, 3), tf.shape(x)[0]
    area = tf.random.stateless_uniform((count,), seeds[0], SMALLEST_ERASED, LARGEST_ERASED)
    area = tf.where(tf.random.stateless_uniform((count,), seeds[1]) < chance, area, 0.0)
    inside = mixing.boxes(area, seeds[2], x.shape[1], x.shape[2])
    return tf.where(inside, tf.reduce_mean(x, axis=(1, 2), keepdims=True), x)
