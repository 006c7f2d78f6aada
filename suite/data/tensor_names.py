"""Names of tensors for columns of any name."""

import keyword
import re

LONGEST = 60
# TensorFlow's signatures are Python functions, whose own parameters have these names.
TAKEN = frozenset(("self", "cls", "args", "kwargs", "inputs", "name", "training", "mask"))


def tensor_name(column: str, taken: set[str]) -> str:
    """Letters a to z, digits and underscores that TensorFlow accepts as an input's name; it is added to `taken`."""
    name = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")[:LONGEST]
    if not name[:1].isalpha() or keyword.iskeyword(name) or name in TAKEN:
        name = f"column_{name}".rstrip("_")
    while name in taken:
        name += "_"
    taken.add(name)
    return name
