"""What a network cannot be made of: refused before training, the layer named."""

import keras

from suite.errors import UsageError

LARGEST_KERNEL = 11


def kernel(x: keras.KerasTensor, size: int, name: str, dilation: int = 1) -> None:
    """UsageError where a kernel of `size`, its taps `dilation` apart, reaches beyond the feature map it is for."""
    height, width = x.shape[1:3]
    reach = (size - 1) * dilation + 1
    if size > LARGEST_KERNEL:
        raise UsageError(f"{name}: a kernel of {size} x {size} is larger than {LARGEST_KERNEL}: choose a smaller one")
    if reach > min(height, width):
        raise UsageError(
            f"{name}: a kernel that spans {reach} x {reach} does not fit a feature map of {height} x {width}: "
            "choose a smaller kernel, fewer stages or larger pictures"
        )


def pooling(x: keras.KerasTensor, factor: int, name: str) -> None:
    """UsageError where a feature map has fewer pixels a side than are pooled into one."""
    height, width = x.shape[1:3]
    if factor > min(height, width):
        raise UsageError(
            f"{name}: a feature map of {height} x {width} cannot be pooled {factor} x {factor}: "
            "choose fewer stages or larger pictures"
        )
