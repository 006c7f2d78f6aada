"""A network as an SVG drawing: blocks from top to bottom, and the edges between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from markupsafe import Markup, escape

from suite.report.network import Block, depths
from suite.report.plots import truncate

BOX, LANE = 224.0, 22.0
GAP_X, GAP_Y = 18.0, 30.0
LINE, PADDING = 15.0, 7.0
MARGIN = 34.0
MAX_LETTERS = 35
SWEEPS = 6
# Drawings shrink to this scale at most; and how wide a page is, in pixels.
MIN_SCALE, PAGE = 0.85, 960.0
# Weights in the placement: heavier items stay nearer to where they want to be.
SPINE_WEIGHT, BLOCK_WEIGHT, PASSING_WEIGHT = 1e6, 1.0, 0.1
PASSING = -1


@dataclass
class Item:
    """A block in its row, or the point where an edge passes the row (PASSING); `x` is its middle.

    In the placement, lighter items give way to those of a larger `weight`.
    """

    block: int
    width: float
    weight: float
    x: float = 0.0
    above: list["Item"] = field(default_factory=list)
    below: list["Item"] = field(default_factory=list)

    @property
    def is_block(self) -> bool:
        """Whether it is a block and not a passing edge."""
        return self.block != PASSING


def draw(blocks: Sequence[Block]) -> Markup:
    """The drawing of blocks from `network.blocks`."""
    rows = _rows(blocks)
    _place_items(rows)
    lines = [box_lines(block) for block in blocks]
    heights = [max((box_height(lines[item.block]) for item in row if item.is_block), default=0.0) for row in rows]
    tops = [MARGIN / 2 + sum(heights[:row]) + GAP_Y * row for row in range(len(rows))]
    left, right = _sides(rows)
    height = tops[-1] + heights[-1] + MARGIN / 2
    parts = [open_svg(left, right, height)]
    parts += _repeats(blocks, rows, tops, heights)
    for row, items in enumerate(rows[:-1]):
        for item in items:
            bottom = tops[row] + (box_height(lines[item.block]) if item.is_block else heights[row])
            parts += [_edge(item, other, bottom, tops[row + 1]) for other in item.below]
            if not item.is_block:
                parts.append(f'<path class="edge" d="M{item.x:.1f} {tops[row]:.1f}V{bottom:.1f}"/>')
    parts += [
        box(blocks[item.block], item.x, tops[row], lines[item.block])
        for row, items in enumerate(rows)
        for item in items
        if item.is_block
    ]
    return Markup("".join([*parts, "</svg>"]))


def fits_page(blocks: Sequence[Block]) -> bool:
    """Whether the drawing is readable on a page of the usual width."""
    rows = _rows(blocks)
    _place_items(rows)
    left, right = _sides(rows)
    return MIN_SCALE * (right - left) <= PAGE


def _sides(rows: Sequence[Sequence[Item]]) -> tuple[float, float]:
    """The left and the right end of the drawing."""
    left = min(item.x - item.width / 2 for row in rows for item in row)
    right = max(item.x + item.width / 2 for row in rows for item in row)
    return left - MARGIN, right + MARGIN


def open_svg(left: float, right: float, height: float) -> str:
    """The tag that begins a drawing, which may shrink only as long as it is readable."""
    width = right - left
    return (
        f'<svg class="drawing" viewBox="{left:.0f} 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" style="min-width: {MIN_SCALE * width:.0f}px" role="img" '
        'aria-label="The layers of the network, from input to output">'
    )


def _rows(blocks: Sequence[Block]) -> list[list[Item]]:
    """Blocks by depth, linked to items of the rows above and below; a long edge has an item in each row it passes."""
    depth = depths(blocks)
    rows: list[list[Item]] = [[] for _ in range(max(depth) + 1)]
    items = [Item(number, BOX, BLOCK_WEIGHT) for number in range(len(blocks))]
    for number, item in enumerate(items):
        rows[depth[number]].append(item)
    for number, block in enumerate(blocks):
        for source in block.sources:
            chain = [items[source]]
            for row in range(depth[source] + 1, depth[number]):
                chain.append(Item(PASSING, LANE, PASSING_WEIGHT))
                rows[row].append(chain[-1])
            for above, below in pairwise([*chain, items[number]]):
                above.below.append(below)
                below.above.append(above)
    _straighten_longest_path(rows[-1][0])
    return rows


def _straighten_longest_path(item: Item) -> None:
    """Give the longest path to this item the weight of the spine, which is drawn straight."""
    item.weight = SPINE_WEIGHT
    nearest = [above for above in item.above if above.is_block]
    if nearest:
        _straighten_longest_path(nearest[(len(nearest) - 1) // 2])


def _place_items(rows: list[list[Item]]) -> None:
    """Place each item near the items that it is linked to, without overlaps (Sugiyama et al. 1981)."""
    for row in rows:
        _spread(row, [0.0] * len(row))
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted = [_wanted_position(item, item.above if down else item.below) for item in row]
            order = sorted(range(len(row)), key=lambda index: (wanted[index], -row[index].weight))
            row[:] = [row[index] for index in order]
            _spread(row, [wanted[index] for index in order])


def _wanted_position(item: Item, joined: Sequence[Item]) -> float:
    if item.weight == SPINE_WEIGHT:
        return 0.0
    return sum(other.x for other in joined) / len(joined) if joined else item.x


def _spread(row: Sequence[Item], wanted: Sequence[float]) -> None:
    """Place a row's items near the wanted positions, at distances that fit their widths; lighter items give way."""
    at: list[float] = []
    for index, item in enumerate(row):
        least = at[-1] + (row[index - 1].width + item.width) / 2 + GAP_X if index else wanted[index]
        at.append(max(wanted[index], least))
    weights = [item.weight for item in row]
    shift = sum(weight * (x - goal) for weight, x, goal in zip(weights, at, wanted, strict=True)) / sum(weights)
    for item, x in zip(row, at, strict=True):
        item.x = x - shift


def box_lines(block: Block) -> list[str]:
    """The text in a block's box: title, the layers drawn with it, shape and parameters."""
    rest: list[str] = []
    for text in block.rest:
        if rest and len(rest[-1]) + len(text) + 3 <= MAX_LETTERS:
            rest[-1] += f" · {text}"
        else:
            rest.append(text)
    shape = " × ".join("any" if size is None else f"{size:,}" for size in block.shape) or "one number"
    weights = f" · {block.parameters:,} parameters" if block.parameters else ""
    return [truncate(line, MAX_LETTERS) for line in (block.title, *rest, shape + weights)]


def box_height(lines: Sequence[str]) -> float:
    """The height of a box with these lines."""
    return len(lines) * LINE + 2 * PADDING


def box(block: Block, x: float, top: float, lines: Sequence[str]) -> str:
    """A block's box around the middle `x`."""
    kind = "learns" if block.parameters else "plain"
    parts = [
        f'<g class="block {kind}"><title>{escape(", ".join(block.names))}</title>',
        f'<rect x="{x - BOX / 2:.1f}" y="{top:.1f}" width="{BOX:.0f}" height="{box_height(lines):.0f}" rx="5"/>',
    ]
    for number, line in enumerate(lines):
        style = "name" if number == 0 else "shape" if number == len(lines) - 1 else "rest"
        down = top + PADDING + LINE * (number + 0.75)
        parts.append(f'<text class="{style}" x="{x:.1f}" y="{down:.1f}" text-anchor="middle">{escape(line)}</text>')
    return "".join([*parts, "</g>"])


def _edge(above: Item, below: Item, start: float, end: float) -> str:
    """A curve that is vertical at both ends, with an arrow where it ends at a block."""
    bend = (start + end) / 2 if end - start < 2 * GAP_Y else end - GAP_Y / 2
    path = f"M{above.x:.1f} {start:.1f}C{above.x:.1f} {bend:.1f} {below.x:.1f} {bend:.1f} {below.x:.1f} {end:.1f}"
    arrow = f"M{below.x - 4:.1f} {end - 6:.1f}L{below.x:.1f} {end:.1f}L{below.x + 4:.1f} {end - 6:.1f}"
    return f'<path class="edge" d="{path}{arrow if below.is_block else ""}"/>'


def _repeats(
    blocks: Sequence[Block], rows: Sequence[Sequence[Item]], tops: Sequence[float], heights: Sequence[float]
) -> Iterable[str]:
    """A frame around each repeated group, with the number of repetitions."""
    where = {item.block: (item, row) for row, items in enumerate(rows) for item in items if item.is_block}
    for number, block in enumerate(blocks):
        if block.times == 1:
            continue
        group = [where[member] for member in range(number, number + block.group)]
        first, last = min(row for _, row in group), max(row for _, row in group)
        inside = [item for row in rows[first : last + 1] for item in row]
        left = min(item.x - item.width / 2 for item in inside) - 10
        right = max(item.x + item.width / 2 for item in inside) + 10
        top, bottom = tops[first] - 10, tops[last] + heights[last] + 10
        yield (
            f'<rect class="repeat" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}" rx="8"/>'
            f'<text class="times" x="{right + 3:.1f}" y="{top + 14:.1f}">×{block.times}</text>'
        )
