"""Types that blocks share with the code that calls them; nothing heavy is imported here."""

from collections.abc import Callable
from typing import Any

# From inputs by name, targets float32 (N, classes) and a seed int32 (2,) of a batch to inputs and targets.
Augmentation = Callable[[dict[str, Any], Any, Any], tuple[dict[str, Any], Any]]
# From vectors (N, F), or (N, members, F) of an ensemble, to the network's output by name.
Head = Callable[[Any], dict[str, Any]]
