"""Mixing of pictures and their targets: MixUp and CutMix."""

from collections.abc import Callable

import tensorflow as tf
from keras_tuner import HyperParameters

# From pictures (N, height, width, channels), targets (N, K) and a seed to pictures and targets of the same shapes.
Mix = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
MAX_STRETCH = 2.0


def choose(hp: HyperParameters) -> Mix | None:
    """MixUp, CutMix or, if both are on, one of them for each picture; None if both are off."""
    alphas = {kind: hp.Float(kind.__name__, 0.0, 2.0, step=0.1, default=0.0) for kind in (mixup, cutmix)}
    active = [(kind, alpha) for kind, alpha in alphas.items() if alpha]
    if not active:
        return None
    if len(active) == 1:
        kind, alpha = active[0]
        return lambda x, targets, seed: kind(x, targets, seed, alpha)
    return lambda x, targets, seed: _either(x, targets, seed, alphas[mixup], alphas[cutmix])


def _either(
    x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, mixup_alpha: float, cutmix_alpha: float
) -> tuple[tf.Tensor, tf.Tensor]:
    seeds = tf.random.split(seed, 3)
    blended, soft = mixup(x, targets, seeds[0], mixup_alpha)
    pasted, shared = cutmix(x, targets, seeds[1], cutmix_alpha)
    use_mixup = tf.random.stateless_uniform((tf.shape(x)[0],), seeds[2]) < 0.5
    return tf.where(use_mixup[:, None, None, None], blended, pasted), tf.where(use_mixup[:, None], soft, shared)


def mixup(x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Blend every picture with its neighbour in the batch, by a share from Beta(alpha, alpha) (Zhang et al. 2018)."""
    share = beta(seed, tf.shape(x)[0], alpha)
    return _blend(x, share[:, None, None, None]), _blend(targets, share[:, None])


def cutmix(x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Paste a box of the neighbour into every picture, of an area from Beta(alpha, alpha) (Yun et al. 2019)."""
    seeds = tf.random.split(seed, 2)
    inside = boxes(1 - beta(seeds[0], tf.shape(x)[0], alpha), seeds[1], x.shape[1], x.shape[2])
    kept = 1 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2, 3))
    return tf.where(inside, _neighbour(x), x), _blend(targets, kept[:, None])


def _neighbour(x: tf.Tensor) -> tf.Tensor:
    # The order of rows in a batch is random already.
    return tf.roll(x, 1, axis=0)


def _blend(x: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return share * x + (1 - share) * _neighbour(x)


def beta(seed: tf.Tensor, count: tf.Tensor, alpha: float) -> tf.Tensor:
    """`count` numbers from Beta(alpha, alpha), float32."""
    one, other = tf.unstack(tf.random.stateless_gamma((2, count), seed, alpha))
    # With a small alpha, both gammas can be zero in float32.
    return tf.where(one + other > 0, one / tf.maximum(one + other, 1e-30), 0.5)


def boxes(area: tf.Tensor, seed: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Masks of random boxes inside the picture: bool (N, height, width, 1); `area` (N,) is their share of the picture.

    A box has the picture's aspect ratio, with one side stretched by up to twice.
    """
    seeds, count = tf.random.split(seed, 3), tf.shape(area)[0]
    stretch = MAX_STRETCH ** tf.random.stateless_uniform((count,), seeds[0], -0.5, 0.5)
    tall = tf.minimum(tf.sqrt(area) * stretch, 1.0)
    wide = tf.minimum(area / tf.maximum(tall, 1e-6), 1.0)
    down = _span(tall, seeds[1], height)
    across = _span(wide, seeds[2], width)
    return (down[:, :, None] & across[:, None, :])[..., None]


def _span(share: tf.Tensor, seed: tf.Tensor, size: int) -> tf.Tensor:
    """Masks of random runs of pixels: bool (N, size); `share` (N,) is their length as a share of `size`."""
    length = tf.round(share * size)
    start = tf.floor(tf.random.stateless_uniform(tf.shape(share), seed) * (size - length + 1))
    places = tf.range(size, dtype=tf.float32)[None]
    return (places >= start[:, None]) & (places < (start + length)[:, None])
