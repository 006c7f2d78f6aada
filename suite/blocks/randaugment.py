"""RandAugment: one of many changes, drawn for each picture (Cubuk et al. 2020)."""

import tensorflow as tf

# The changes at full strength, as in the paper.
SHEAR = 0.3
SHIFT = 0.45
DEGREES = 30.0
COLOUR = 0.9
POSTERIZED = 32.0
CHANGES = (
    "identity", "autocontrast", "rotate", "posterize", "solarize", "colour", "contrast", "brightness", "sharpness",
    "shear_across", "shear_down", "shift_across", "shift_down",
)  # fmt: skip
GREY = (0.299, 0.587, 0.114)
WHITE = 255.0


def apply(x: tf.Tensor, seed: tf.Tensor, strength: float) -> tf.Tensor:
    """Change each picture, float32 (N, height, width, channels) of 0 to 255, in one way by up to `strength` (0 to 1).

    All changes of the paper except equalisation, which needs a histogram of each picture.
    """
    seeds, count = tf.random.split(seed, 2), tf.shape(x)[0]
    change = tf.random.stateless_uniform((count,), seeds[0], 0, len(CHANGES), tf.int32)
    amount = tf.random.stateless_uniform((count,), seeds[1], -strength, strength)
    return perform(x, change, amount)


def perform(x: tf.Tensor, change: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Apply to each picture the entry of CHANGES of its number, int32 (N,), by its amount, float32 (N,), -1 to 1."""
    moved = _moved(x, change, amount)
    return tf.clip_by_value(_coloured(moved, change, amount), 0.0, WHITE)


def _amount_of(name: str, change: tf.Tensor, amount: tf.Tensor, rest: float = 0.0) -> tf.Tensor:
    """The amounts of the pictures with this change; `rest` for all others."""
    return tf.where(change == CHANGES.index(name), amount, rest)


def _moved(x: tf.Tensor, change: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    """Rotate, shear or shift about the centre, with bilinear interpolation; edge pixels fill what is left empty."""
    height, width = x.shape[1], x.shape[2]
    angle = _amount_of("rotate", change, amount) * DEGREES * 3.141592653589793 / 180
    cosine, sine = tf.cos(angle), tf.sin(angle)
    a, b = cosine, _amount_of("shear_across", change, amount) * SHEAR - sine
    d, e = _amount_of("shear_down", change, amount) * SHEAR + sine, cosine
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    c = middle_x - a * middle_x - b * middle_y + _amount_of("shift_across", change, amount) * SHIFT * width
    f = middle_y - d * middle_x - e * middle_y + _amount_of("shift_down", change, amount) * SHIFT * height
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=x, transforms=tf.stack([a, b, c, d, e, f, zero, zero], axis=1), output_shape=(height, width),
        fill_value=0.0, interpolation="BILINEAR", fill_mode="NEAREST",
    )  # fmt: skip


def _coloured(x: tf.Tensor, change: tf.Tensor, amount: tf.Tensor) -> tf.Tensor:
    def factor(name: str) -> tf.Tensor:
        return _picture(1 + _amount_of(name, change, amount) * COLOUR)

    grey = tf.tensordot(x, tf.constant(GREY), 1)[..., None] if x.shape[-1] == len(GREY) else x
    middle = tf.reduce_mean(grey, axis=(1, 2, 3), keepdims=True)
    x = grey + (x - grey) * factor("colour")
    x = middle + (x - middle) * factor("contrast")
    x = x * factor("brightness")
    soft = tf.nn.avg_pool2d(x, 3, 1, "SAME")
    x = tf.clip_by_value(soft + (x - soft) * factor("sharpness"), 0.0, WHITE)
    darkest, lightest = (reduce(x, axis=(1, 2), keepdims=True) for reduce in (tf.reduce_min, tf.reduce_max))
    stretched = (x - darkest) * WHITE / tf.maximum(lightest - darkest, 1.0)
    x = tf.where(_picture(change == CHANGES.index("autocontrast")), stretched, x)
    threshold = _picture(WHITE * (1 - tf.abs(_amount_of("solarize", change, amount))))
    x = tf.where((x > threshold) & (threshold < WHITE), WHITE - x, x)
    step = _picture(tf.maximum(tf.abs(_amount_of("posterize", change, amount)) * POSTERIZED, 1.0))
    return tf.where(step > 1, tf.floor(x / step) * step, x)


def _picture(values: tf.Tensor) -> tf.Tensor:
    """One value for each picture, (N,), in a shape that broadcasts to its pixels, (N, 1, 1, 1)."""
    return values[:, None, None, None]
