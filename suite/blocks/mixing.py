"""Two pictures made into one, and their targets with them."""

from collections.abc import Callable

import tensorflow as tf
from keras_tuner import HyperParameters

# Pictures (N, height, width, channels), targets (N, K) and a seed, to pictures and targets of the same shapes.
Mix = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
LONGEST = 2.0


def choose(hp: HyperParameters) -> Mix | None:
    """MixUp, CutMix or, where both are asked for, one of them for each picture; None where neither is."""
    alphas = {kind: hp.Float(kind.__name__, 0.0, 2.0, step=0.1, default=0.0) for kind in (mixup, cutmix)}
    asked = [(kind, alpha) for kind, alpha in alphas.items() if alpha]
    if not asked:
        return None
    if len(asked) == 1:
        kind, alpha = asked[0]
        return lambda x, targets, seed: kind(x, targets, seed, alpha)
    return lambda x, targets, seed: _either(x, targets, seed, alphas[mixup], alphas[cutmix])


def _either(
    x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, mixup_alpha: float, cutmix_alpha: float
) -> tuple[tf.Tensor, tf.Tensor]:
    seeds = tf.random.split(seed, 3)
    blended, soft = mixup(x, targets, seeds[0], mixup_alpha)
    pasted, shared = cutmix(x, targets, seeds[1], cutmix_alpha)
    heads = tf.random.stateless_uniform((tf.shape(x)[0],), seeds[2]) < 0.5
    return tf.where(heads[:, None, None, None], blended, pasted), tf.where(heads[:, None], soft, shared)


def mixup(x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Every picture blended with its neighbour in the batch, by a share from Beta(alpha, alpha) (Zhang et al. 2018)."""
    share = beta(seed, tf.shape(x)[0], alpha)
    return _blend(x, share[:, None, None, None]), _blend(targets, share[:, None])


def cutmix(x: tf.Tensor, targets: tf.Tensor, seed: tf.Tensor, alpha: float) -> tuple[tf.Tensor, tf.Tensor]:
    """A box of the neighbour pasted into every picture, its area's share from Beta(alpha, alpha) (Yun et al. 2019)."""
    seeds = tf.random.split(seed, 2)
    inside = boxes(1 - beta(seeds[0], tf.shape(x)[0], alpha), seeds[1], x.shape[1], x.shape[2])
    kept = 1 - tf.reduce_mean(tf.cast(inside, tf.float32), axis=(1, 2, 3))
    return tf.where(inside, _neighbour(x), x), _blend(targets, kept[:, None])


def _neighbour(x: tf.Tensor) -> tf.Tensor:
    # The rows of a batch are in random order already.
    return tf.roll(x, 1, axis=0)


def _blend(x: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    return share * x + (1 - share) * _neighbour(x)


def beta(seed: tf.Tensor, count: tf.Tensor, alpha: float) -> tf.Tensor:
    """`count` numbers from Beta(alpha, alpha), float32."""
    one, other = tf.unstack(tf.random.stateless_gamma((2, count), seed, alpha))
    # Two gammas of a small alpha can both be zero in float32.
    return tf.where(one + other > 0, one / tf.maximum(one + other, 1e-30), 0.5)


def boxes(area: tf.Tensor, seed: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Where a box of such a share `area` (N,) of the picture lies, wholly inside: bool (N, height, width, 1).

    Its sides are to each other as the picture's, one drawn out by up to twice.
    """
    seeds, count = tf.random.split(seed, 3), tf.shape(area)[0]
    longer = LONGEST ** tf.random.stateless_uniform((count,), seeds[0], -0.5, 0.5)
    tall = tf.minimum(tf.sqrt(area) * longer, 1.0)
    wide = tf.minimum(area / tf.maximum(tall, 1e-6), 1.0)
    down = _span(tall, seeds[1], height)
    across = _span(wide, seeds[2], width)
    return (down[:, :, None] & across[:, None, :])[..., None]


def _span(share: tf.Tensor, seed: tf.Tensor, size: int) -> tf.Tensor:
    """A run of `share` (N,) of `size` pixels at any place: bool (N, size)."""
    length = tf.round(share * size)
    start = tf.floor(tf.random.stateless_uniform(tf.shape(share), seed) * (size - length + 1))
    places = tf.range(size, dtype=tf.float32)[None]
    return (places >= start[:, None]) & (places < (start + length)[:, None])
