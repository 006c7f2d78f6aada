"""A network as an SVG drawing in one column, for narrow places: blocks below each other, other edges beside them."""

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from suite.report import drawing
from suite.report.network import Block

GAP, LANE, MARGIN = 24.0, 11.0, 20.0
RIGHT = drawing.BOX / 2


def draw(blocks: Sequence[Block]) -> Markup:
    """The drawing of blocks from `network.blocks`."""
    order = _chain_order(blocks)
    lines = [drawing.box_lines(blocks[number]) for number in order]
    tops = [MARGIN]
    for text in lines:
        tops.append(tops[-1] + drawing.box_height(text) + GAP)
    place = {number: index for index, number in enumerate(order)}
    edges = [(place[source], index) for index, number in enumerate(order) for source in blocks[number].sources]
    lanes = _lanes([(above, below) for above, below in edges if below - above > 1])
    width = LANE * (1 + max(lanes.values(), default=-1))
    parts = [drawing.open_svg(-RIGHT - MARGIN, RIGHT + width + MARGIN, tops[-1] - GAP + MARGIN)]
    parts += _repeats(blocks, place, tops, RIGHT + width)
    parts += [_down(tops[below] - GAP, tops[below]) for above, below in edges if below - above == 1]
    middles = [(top + below - GAP) / 2 for top, below in pairwise(tops)]
    parts += [
        _beside(middles[above], middles[below], RIGHT + LANE * (lane + 1)) for (above, below), lane in lanes.items()
    ]
    parts += [
        drawing.box(blocks[number], 0.0, top, text) for number, top, text in zip(order, tops, lines, strict=False)
    ]
    return Markup("".join([*parts, "</svg>"]))


def _chain_order(blocks: Sequence[Block]) -> list[int]:
    """The numbers of the blocks, each after all that it reads, and right after one of them where that is possible."""
    order: list[int] = []
    waiting = list(range(len(blocks)))
    while waiting:
        ready = [number for number in waiting if set(blocks[number].sources) <= set(order)]
        following = [number for number in ready if order and order[-1] in blocks[number].sources]
        order.append((following or ready)[0])
        waiting.remove(order[-1])
    return order


def _lanes(edges: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Each edge with its lane, in which no two overlap; those of one source, or to one block, are one line there."""
    lanes: dict[tuple[int, int], int] = {}
    for source, reader in sorted(edges, key=lambda edge: (edge[1] - edge[0], edge)):
        taken = {
            lane
            for (other, end), lane in lanes.items()
            if other != source and end != reader and other < reader and source < end
        }
        lanes[source, reader] = next(lane for lane in range(len(edges)) if lane not in taken)
    return lanes


def _down(start: float, end: float) -> str:
    return f'<path class="edge" d="M0 {start:.1f}V{end:.1f}M-4 {end - 6:.1f}L0 {end:.1f}L4 {end - 6:.1f}"/>'


def _beside(start: float, end: float, x: float) -> str:
    """A line from the right side of one box to that of another."""
    # Of lines in and out of one box, each has its own end.
    start, end = start + 5, end - 5
    return (
        f'<path class="edge" d="M{RIGHT:.1f} {start:.1f}H{x - 4:.1f}Q{x:.1f} {start:.1f} {x:.1f} {start + 4:.1f}'
        f"V{end - 4:.1f}Q{x:.1f} {end:.1f} {x - 4:.1f} {end:.1f}H{RIGHT:.1f}"
        f'M{RIGHT + 6:.1f} {end - 4:.1f}L{RIGHT:.1f} {end:.1f}L{RIGHT + 6:.1f} {end + 4:.1f}"/>'
    )


def _repeats(blocks: Sequence[Block], place: dict[int, int], tops: Sequence[float], right: float) -> list[str]:
    """A frame around each repeated group, with the number of repetitions."""
    parts = []
    for number, block in enumerate(blocks):
        if block.times > 1:
            places = [place[member] for member in range(number, number + block.group)]
            top, bottom = tops[min(places)] - 8, tops[max(places) + 1] - GAP + 8
            parts.append(
                f'<rect class="repeat" x="{-RIGHT - 8:.1f}" y="{top:.1f}" width="{right + RIGHT + 14:.1f}" '
                f'height="{bottom - top:.1f}" rx="8"/>'
                f'<text class="times" x="{-RIGHT - 4:.1f}" y="{top - 3:.1f}">×{block.times}</text>'
            )
    return parts
