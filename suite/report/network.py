"""A network in blocks, as a person would draw it: repeated groups once, long runs shortened."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

MAX_RUN = 12
ENDS_OF_RUN = 4
MAX_PERIOD = 4
SETTINGS = ("filters", "units", "num_heads", "kernel_size", "pool_size", "strides", "rate")
SUM = "Add"


@dataclass(frozen=True)
class Block:
    """A layer and the layers drawn with it; `sources` are the numbers of the blocks whose outputs it reads.

    `shape` is the output's for one row. A group of `group` blocks that begins here is repeated `times` times.
    """

    title: str
    shape: tuple[int | None, ...]
    parameters: int
    sources: tuple[int, ...]
    rest: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=(), compare=False)
    times: int = 1
    group: int = 0


def blocks(model: Any) -> list[Block]:
    """The blocks of a functional Keras model in the order of their depth."""
    return _cut_runs(_fold_repeats(_by_depth(_chains(model))))


def _chains(model: Any) -> list[Block]:
    """A block for each layer with weights, joined by the layers after it that have none."""
    # Operations are layers, and functions applied to their outputs.
    operations = model.operations
    sources = {layer.name: _sources(layer) for layer in operations}
    readers: dict[str, int] = {}
    for names in sources.values():
        for name in names:
            readers[name] = readers.get(name, 0) + 1
    found: list[Block] = []
    block_of: dict[str, int] = {}
    for layer in operations:
        shape, read = tuple(layer.output.shape[1:]), sources[layer.name]
        last = block_of.get(read[0], -1) if len(read) == 1 and readers[read[0]] == 1 else -1
        if last >= 0 and _follows(layer, found[last]):
            block = found[last]
            found[last] = replace(
                block, shape=shape, parameters=block.parameters + _parameters(layer),
                rest=(*block.rest, _describe(layer)), names=(*block.names, layer.name),
            )  # fmt: skip
            block_of[layer.name] = last
        else:
            block_of[layer.name] = len(found)
            read_blocks = tuple(dict.fromkeys(block_of[name] for name in read))
            inner = _inner_activation(layer)
            found.append(Block(_describe(layer), shape, _parameters(layer), read_blocks, inner, (layer.name,)))
    return found


def _sources(layer: Any) -> list[str]:
    """The names of the layers that a layer reads; in a functional model a layer is called once."""
    tensors = layer._inbound_nodes[0].input_tensors
    return list(dict.fromkeys(tensor._keras_history.operation.name for tensor in tensors))


def _parameters(layer: Any) -> int:
    return int(layer.count_params()) if hasattr(layer, "count_params") else 0


def _follows(layer: Any, block: Block) -> bool:
    """Whether a layer is drawn with the block before it.

    After a sum, only a layer that keeps the shape is: so the last of several equal groups looks like the others.
    """
    has_weights = bool(getattr(layer, "trainable_weights", []))
    if block.title == SUM:
        return not has_weights and layer.output.shape[1:] == block.shape
    return not has_weights or "Normalization" in type(layer).__name__


def _describe(layer: Any) -> str:
    kind = type(layer).__name__
    if kind == "InputLayer":
        return f"{layer.name} ({layer.dtype})"
    if kind == "Activation":
        return _activation(layer)
    parts = [kind]
    for name in SETTINGS:
        value = getattr(layer, name, None)
        if value is None or (name == "strides" and ("Pool" in kind or set(_tuple(value)) == {1})):
            continue
        text = "×".join(str(item) for item in _tuple(value))
        parts.append({"strides": f"stride {text}", "num_heads": f"{text} heads"}.get(name, text))
    return " ".join(parts)


def _inner_activation(layer: Any) -> tuple[str, ...]:
    """The activation that a layer with weights applies itself, if any."""
    activation = getattr(layer, "activation", None)
    plain = activation is None or type(layer).__name__ == "Activation"
    return () if plain or _activation(layer) == "linear" else (_activation(layer),)


def _activation(layer: Any) -> str:
    return str(getattr(layer.activation, "__name__", type(layer.activation).__name__))


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def depths(found: Sequence[Block]) -> list[int]:
    """The row of each block: below all blocks that it reads; an input is right above its first reader."""
    rows: list[int] = []
    for block in found:
        rows.append(1 + max((rows[source] for source in block.sources), default=-1))
    for number, block in enumerate(found):
        readers = [rows[index] for index, other in enumerate(found) if number in other.sources]
        if not block.sources and readers:
            rows[number] = min(readers) - 1
    return rows


def _by_depth(found: list[Block]) -> list[Block]:
    rows = depths(found)
    return _reorder(found, sorted(range(len(found)), key=lambda number: (rows[number], number)))


def _reorder(found: Sequence[Block], kept: Sequence[int], replaced: dict[int, int] | None = None) -> list[Block]:
    """The kept blocks in that order; dropped sources are exchanged as `replaced` says."""
    new_number = {old: new for new, old in enumerate(kept)}

    def moved(source: int) -> int:
        return new_number[(replaced or {}).get(source, source)]

    return [replace(found[old], sources=tuple(moved(source) for source in found[old].sources)) for old in kept]


def _fold_repeats(found: list[Block]) -> list[Block]:
    """The blocks with repeated groups once; a group lies between two waists of the graph."""
    waists = [number for number in range(len(found)) if _is_waist(found, number)]
    segments = [range(before + 1, after + 1) for before, after in pairwise(waists)]
    signatures = [_signature(found, segment) for segment in segments]
    dropped: set[int] = set()
    replaced: dict[int, int] = {}
    at = 0
    while at < len(segments):
        period, times = _repeats(signatures, at)
        if times > 1:
            end, last = segments[at + period - 1].stop - 1, segments[at + times * period - 1].stop - 1
            begin = segments[at].start
            found[begin] = replace(found[begin], times=times, group=end - begin + 1)
            dropped |= set(range(end + 1, last + 1))
            replaced[last] = end
        at += period * times
    return _reorder(found, [number for number in range(len(found)) if number not in dropped], replaced)


def _is_waist(found: Sequence[Block], number: int) -> bool:
    """Whether no later block reads a block before this one."""
    return all(source >= number for block in found[number + 1 :] for source in block.sources)


def _signature(found: Sequence[Block], segment: range) -> tuple[Block, ...]:
    start = segment.start
    return tuple(
        replace(found[number], sources=tuple(source - start for source in found[number].sources)) for number in segment
    )


def _repeats(signatures: Sequence[tuple[Block, ...]], at: int) -> tuple[int, int]:
    """The number of segments from `at` on in a repeated group, and how often it comes; (1, 1) for no repetition."""
    for period in range(1, MAX_PERIOD + 1):
        group = signatures[at : at + period]
        times = 1
        while signatures[at + times * period : at + (times + 1) * period] == group and len(group) == period:
            times += 1
        if times > 1:
            return period, times
    return 1, 1


def _cut_runs(found: list[Block]) -> list[Block]:
    """The blocks with the middle of long runs in one block; in a run each block reads only the one before."""
    readers = [sum(number in block.sources for block in found) for number in range(len(found))]
    kept: list[int] = []
    replaced: dict[int, int] = {}
    at = 0
    while at < len(found):
        end = at
        while end + 1 < len(found) and found[end + 1].sources == (end,) and readers[end] == 1:
            end += 1
        middle = list(range(at + ENDS_OF_RUN, end + 1 - ENDS_OF_RUN))
        if end - at >= MAX_RUN and not any(block.times > 1 for block in found[at : end + 1]):
            found[middle[0]] = _merge(found, middle)
            replaced[middle[-1]] = middle[0]
            kept += [number for number in range(at, end + 1) if number not in middle[1:]]
        else:
            kept += range(at, end + 1)
        at = end + 1
    return _reorder(found, kept, replaced)


def _merge(found: Sequence[Block], numbers: Sequence[int]) -> Block:
    merged = [found[number] for number in numbers]
    names = tuple(name for block in merged for name in block.names)
    titles = tuple(dict.fromkeys(block.title.split()[0] for block in merged))
    return Block(
        f"{len(names)} more layers",
        merged[-1].shape,
        sum(block.parameters for block in merged),
        merged[0].sources,
        titles,
        names,
    )
