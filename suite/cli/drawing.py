"""A network drawn in text: a row a layer, its branches beside it, what repeats folded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.training.architecture import Layer, Shape

# What changes values where they are: told in the row of the layer before it.
IN_PLACE = {
    "BatchNormalization", "LayerNormalization", "GroupNormalization", "Dropout", "AlphaDropout", "SpatialDropout1D",
    "SpatialDropout2D", "StochasticDepth", "ReLU", "relu", "leaky_relu", "elu", "gelu", "silu", "mish", "selu", "tanh",
    "sigmoid", "softmax",
}  # fmt: skip
LONGEST_PERIOD = 60
FEWEST_SAVED = 2


@dataclass(frozen=True)
class Row:
    """One line of the drawing; `after` is the gutter of a line that only goes on."""

    gutter: str
    after: str
    name: str
    what: str
    shape: str
    parameters: int


def draw(layers: "Sequence[Layer]") -> list[str]:
    """Lines with the flow at the left, then name, what it does, the output's shape and the number of parameters.

    A dot is a layer; where a line leaves another, its output is used twice; where lines meet, they are joined.
    """
    rows = _rows(_merged(layers))
    columns = [
        ("", "layer", "what", "output", "parameters"),
        *((row.gutter, row.name, row.what, row.shape, f"{row.parameters:,}") for row in rows),
    ]
    widths = [max(len(cells[column]) for cells in columns) for column in range(5)]
    lines = []
    for cells in [columns[0], *_folded(rows)]:
        if isinstance(cells, str):
            lines.append(cells)
            continue
        gutter, name, what, shape, parameters = map(str.ljust, cells, widths)
        count = "" if parameters.strip() == "0" else parameters.strip().rjust(widths[4])
        lines.append(f"{gutter}  {name}  {what}  {shape}  {count}".rstrip())
    return lines


def _merged(layers: "Sequence[Layer]") -> "list[Layer]":
    """The layers without those that change values in place: they are told by the layer that they follow."""
    readers = Counter(name for layer in layers for name in layer.inputs)
    merged: dict[str, Layer] = {}
    stands_for: dict[str, str] = {}
    for layer in layers:
        inputs = tuple(stands_for[name] for name in layer.inputs)
        before = merged.get(inputs[0]) if len(inputs) == 1 else None
        if before and before.inputs and layer.kind in IN_PLACE and readers[layer.inputs[0]] == 1:
            merged[before.name] = replace(
                before,
                kind=f"{_what(before)}, {_what(layer)}",
                settings="",
                parameters=before.parameters + layer.parameters,
            )
            stands_for[layer.name] = before.name
        else:
            merged[layer.name] = replace(layer, inputs=inputs)
            stands_for[layer.name] = layer.name
    return list(merged.values())


def _what(layer: "Layer") -> str:
    return f"{layer.kind} {layer.settings}".strip()


def _rows(layers: "Sequence[Layer]") -> list[Row]:
    """Each layer in its lane: a lane carries one output until its last reader."""
    waiting = Counter(name for layer in layers for name in layer.inputs)
    lanes: list[str | None] = []
    rows = []
    for layer in layers:
        for name in layer.inputs:
            waiting[name] -= 1
        sources = [lanes.index(name) for name in layer.inputs]
        ended = [lane for lane in sources if not waiting[lanes[lane] or ""]]
        own = min(ended) if ended else _free(lanes, max(sources, default=-1))
        gutter = _gutter(lanes, own, sources, ended)
        for lane in ended:
            lanes[lane] = None
        lanes[own] = layer.name if waiting[layer.name] else None
        while lanes and lanes[-1] is None:
            lanes.pop()
        after = " ".join("│" if lane else " " for lane in lanes)
        rows.append(Row(gutter, after, layer.name, _what(layer), _shape(layer.shape), layer.parameters))
    return rows


def _free(lanes: list[str | None], after: int) -> int:
    """The first lane to the right of `after` that nothing runs in."""
    for lane in range(after + 1, len(lanes)):
        if lanes[lane] is None:
            return lane
    lanes.append(None)
    return len(lanes) - 1


def _gutter(lanes: list[str | None], own: int, sources: list[int], ended: list[int]) -> str:
    """A row's lanes: a dot in its own, and lines to it from those that it reads."""
    first, last = min([own, *sources]), max([own, *sources])
    cells = []
    for lane, name in enumerate(lanes):
        between = first < lane < last
        if lane == own:
            cell = "●"
        elif lane in sources:
            ends = lane in ended
            if lane == first:
                cell = "╰" if ends else "├"
            elif lane == last:
                cell = "╯" if ends else "┤"
            else:
                cell = "┴" if ends else "┼"
        elif name:
            cell = "┼" if between else "│"
        else:
            cell = "─" if between else " "
        cells.append(cell + ("─" if first <= lane < last else " "))
    return "".join(cells).rstrip()


def _folded(rows: list[Row]) -> "list[tuple[str, str, str, str, str] | str]":
    """The rows as cells, where a run of rows comes several times over told once, and how often after it."""
    alike = [(row.gutter, row.what, row.shape, row.parameters) for row in rows]
    lines: list[tuple[str, str, str, str, str] | str] = []
    start = 0
    while start < len(rows):
        period, times = _repetition(alike, start)
        told, end = rows[start : start + period], start + period * times
        lines += [(row.gutter, row.name, row.what, row.shape, f"{row.parameters:,}") for row in told]
        if times > 1:
            last = rows[end - 1]
            what = "row" if period == 1 else f"{period} rows"
            often = "once" if times == 2 else f"{times - 1} times"
            lines.append(f"{last.after}  the same {what} {often} more, to {last.name}")
        start = end
    return lines


def _repetition(alike: Sequence[object], start: int) -> tuple[int, int]:
    """The run of rows from `start` that saves most lines by being told once: its length, and how often it comes."""
    best = (1, 1)
    saved = FEWEST_SAVED
    for period in range(1, min(LONGEST_PERIOD, (len(alike) - start) // 2) + 1):
        times = 1
        while alike[start + times * period : start + (times + 1) * period] == alike[start : start + period]:
            times += 1
        if (times - 1) * period > saved:
            best, saved = (period, times), (times - 1) * period
    return best


def _shape(shape: "Shape") -> str:
    return " x ".join(map(str, shape)) or "1"
