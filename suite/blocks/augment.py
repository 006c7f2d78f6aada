"""Augmentation of pictures, different in each epoch; every operation is seeded and stateless."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from keras_tuner import HyperParameters

from suite.blocks import mixing, randaugment
from suite.blocks.types import Augmentation

FLIP_PROBABILITY = 0.5
MIN_ERASED, MAX_ERASED = 0.02, 0.25
# From pictures float32 (N, height, width, channels) of 0 to 255 and a seed to such pictures.
Change = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def pictures(hp: HyperParameters, name: str, key: str) -> Augmentation | None:
    """The augmentation of the uint8 pictures under `key`, and of targets when pictures are mixed; None if all is off.

    Shifts and flips, random erasing (Zhong et al. 2020), RandAugment (Cubuk et al. 2020), MixUp (Zhang et al. 2018)
    and CutMix (Yun et al. 2019); each is off at 0.
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
    """Shifts pictures by up to `shift` of their sides, and mirrors half of them if `flip` is set."""
    shift = hp.Float("shift", 0.0, 0.25, step=0.05, default=0.05)
    flip = hp.Boolean("flip", default=False)
    return [lambda x, seed: place(x, seed, shift, flip)] if shift or flip else []


def changing(hp: HyperParameters) -> list[Change]:
    """RandAugment (Cubuk et al. 2020): `randaugment` of 13 changes to each picture, by up to `strength`."""
    times = hp.Int("randaugment", 0, 3, default=0)
    if not times:
        return []
    strength = hp.Float("strength", 0.1, 1.0, step=0.1, default=0.3)
    return [lambda x, seed: randaugment.apply(x, seed, strength)] * times


def erasing(hp: HyperParameters) -> list[Change]:
    """Random erasing (Zhong et al. 2020): fills a box of 2 to 25 % with the mean colour, in a share `erase`."""
    chance = hp.Float("erase", 0.0, 1.0, step=0.1, default=0.3)
    return [lambda x, seed: erase(x, seed, chance)] if chance else []


def place(x: tf.Tensor, seed: tf.Tensor, shift: float, flip: bool) -> tf.Tensor:
    """Shift each picture by up to `shift` of its sides, and mirror half of them left to right if `flip` is set.

    Edge pixels fill what a shift leaves empty.
    """
    rows, count, height, width = tf.random.split(seed, 3), tf.shape(x)[0], x.shape[1], x.shape[2]
    down = _shifted_indices(rows[0], count, height, shift)
    across = _shifted_indices(rows[1], count, width, shift)
    if flip:
        mirrored = tf.random.stateless_uniform((count, 1), rows[2]) < FLIP_PROBABILITY
        across = tf.where(mirrored, width - 1 - across, across)
    return tf.gather(tf.gather(x, down, axis=1, batch_dims=1), across, axis=2, batch_dims=1)


def _shifted_indices(seed: tf.Tensor, count: tf.Tensor, size: int, shift: float) -> tf.Tensor:
    """The index of the pixel to read for each of `size` pixels, int32 (count, size)."""
    most = round(shift * size)
    moved = tf.random.stateless_uniform((count, 1), seed, -most, most + 1, tf.int32)
    return tf.clip_by_value(tf.range(size)[None] + moved, 0, size - 1)


def erase(x: tf.Tensor, seed: tf.Tensor, chance: float) -> tf.Tensor:
    """Fill a box of 2 to 25 % of the picture with its mean colour, in a share `chance` of the pictures."""
    seeds, count = tf.random.split(seed, 3), tf.shape(x)[0]
    area = tf.random.stateless_uniform((count,), seeds[0], MIN_ERASED, MAX_ERASED)
    area = tf.where(tf.random.stateless_uniform((count,), seeds[1]) < chance, area, 0.0)
    inside = mixing.boxes(area, seeds[2], x.shape[1], x.shape[2])
    return tf.where(inside, tf.reduce_mean(x, axis=(1, 2), keepdims=True), x)
