"""A network as a text diagram: a row for each layer, branches beside it, repetitions folded."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from suite.training.architecture import Layer, Shape

# Layers that change values in place; they are shown in the row of the layer before them.
IN_PLACE = {
    "BatchNormalization", "LayerNormalization", "GroupNormalization", "Dropout", "AlphaDropout", "SpatialDropout1D",
    "SpatialDropout2D", "StochasticDepth", "ReLU", "relu", "leaky_relu", "elu", "gelu", "silu", "mish", "selu", "tanh",
    "sigmoid", "softmax",
}  # fmt: skip
MAX_PERIOD = 60
MIN_ROWS_SAVED = 2


@dataclass(frozen=True)
class Row:
    """A row of the diagram; `after` is the gutter of a line below it without a layer."""

    gutter: str
    after: str
    name: str
    description: str
    shape: str
    parameters: int


def draw(layers: "Sequence[Layer]") -> list[str]:
    """Lines with the flow at the left, then name, description, output shape and number of parameters of each layer.

    A dot is a layer. Where a line leaves another, an output is used twice; where lines meet, they are joined.
    """
    rows = _rows(_merged(layers))
    columns = [
        ("", "layer", "what", "output", "parameters"),
        *((row.gutter, row.name, row.description, row.shape, f"{row.parameters:,}") for row in rows),
    ]
    widths = [max(len(cells[column]) for cells in columns) for column in range(5)]
    lines = []
    for cells in [columns[0], *_folded(rows)]:
        if isinstance(cells, str):
            lines.append(cells)
            continue
        gutter, name, description, shape, parameters = map(str.ljust, cells, widths)
        count = "" if parameters.strip() == "0" else parameters.strip().rjust(widths[4])
        lines.append(f"{gutter}  {name}  {description}  {shape}  {count}".rstrip())
    return lines


def _merged(layers: "Sequence[Layer]") -> "list[Layer]":
    """The layers, with those that change values in place merged into the layer before them."""
    readers = Counter(name for layer in layers for name in layer.inputs)
    merged: dict[str, Layer] = {}
    merged_into: dict[str, str] = {}
    for layer in layers:
        inputs = tuple(merged_into[name] for name in layer.inputs)
        before = merged.get(inputs[0]) if len(inputs) == 1 else None
        if before and before.inputs and layer.kind in IN_PLACE and readers[layer.inputs[0]] == 1:
            merged[before.name] = replace(
                before,
                kind=f"{_describe(before)}, {_describe(layer)}",
                settings="",
                parameters=before.parameters + layer.parameters,
            )
            merged_into[layer.name] = before.name
        else:
            merged[layer.name] = replace(layer, inputs=inputs)
            merged_into[layer.name] = layer.name
    return list(merged.values())


def _describe(layer: "Layer") -> str:
    return f"{layer.kind} {layer.settings}".strip()


def _rows(layers: "Sequence[Layer]") -> list[Row]:
    """A row for each layer, in lanes; a lane carries an output until its last reader."""
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
        rows.append(Row(gutter, after, layer.name, _describe(layer), _shape(layer.shape), layer.parameters))
    return rows


def _free(lanes: list[str | None], after: int) -> int:
    """The first free lane to the right of `after`."""
    for lane in range(after + 1, len(lanes)):
        if lanes[lane] is None:
            return lane
    lanes.append(None)
    return len(lanes) - 1


def _gutter(lanes: list[str | None], own: int, sources: list[int], ended: list[int]) -> str:
    """The lanes of a row: a dot in its own lane, and lines to it from the lanes that it reads."""
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
    """The rows as cells; a repeated run of rows is shown once, with a line on how often it comes."""
    alike = [(row.gutter, row.description, row.shape, row.parameters) for row in rows]
    lines: list[tuple[str, str, str, str, str] | str] = []
    start = 0
    while start < len(rows):
        period, times = _repetition(alike, start)
        shown, end = rows[start : start + period], start + period * times
        lines += [(row.gutter, row.name, row.description, row.shape, f"{row.parameters:,}") for row in shown]
        if times > 1:
            last = rows[end - 1]
            run = "row" if period == 1 else f"{period} rows"
            often = "once" if times == 2 else f"{times - 1} times"
            lines.append(f"{last.after}  the same {run} {often} more, to {last.name}")
        start = end
    return lines


def _repetition(alike: Sequence[object], start: int) -> tuple[int, int]:
    """The repeated run of rows from `start` whose folding saves most lines: its length, and how often it comes."""
    best = (1, 1)
    saved = MIN_ROWS_SAVED
    for period in range(1, min(MAX_PERIOD, (len(alike) - start) // 2) + 1):
        times = 1
        while alike[start + times * period : start + (times + 1) * period] == alike[start : start + period]:
            times += 1
        if (times - 1) * period > saved:
            best, saved = (period, times), (times - 1) * period
    return best


def _shape(shape: "Shape") -> str:
    return " x ".join(map(str, shape)) or "1"
