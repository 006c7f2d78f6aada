"""Checks of whether a layer fits its feature map; errors name the layer, before any training."""

import keras

from suite.errors import UsageError

MAX_KERNEL = 11


def check_kernel(x: keras.KerasTensor, size: int, name: str, dilation: int = 1) -> None:
    """UsageError if a kernel of `size`, with taps `dilation` apart, is larger than its feature map or than 11."""
    height, width = x.shape[1:3]
    reach = (size - 1) * dilation + 1
    if size > MAX_KERNEL:
        raise UsageError(f"{name}: a kernel of {size} x {size} is larger than {MAX_KERNEL}: choose a smaller one")
    if reach > min(height, width):
        raise UsageError(
            f"{name}: a kernel that spans {reach} x {reach} does not fit a feature map of {height} x {width}: "
            "choose a smaller kernel, fewer stages or larger pictures"
        )


def check_pooling(x: keras.KerasTensor, factor: int, name: str) -> None:
    """UsageError if a feature map has fewer pixels a side than `factor`."""
    height, width = x.shape[1:3]
    if factor > min(height, width):
        raise UsageError(
            f"{name}: a feature map of {height} x {width} cannot be pooled {factor} x {factor}: "
            "choose fewer stages or larger pictures"
        )
