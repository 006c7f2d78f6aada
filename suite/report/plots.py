"""Charts as inline SVG that take their colours from the page, so that dark, light and print all work."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
TICKS = 4
Points = Sequence[tuple[float, float]]


def line_chart(series: Mapping[str, Points], x_label: str, y_label: str) -> Markup:
    """Lines by name over common axes; styled by the classes `series-0`, `series-1`, ..."""
    points = [point for line in series.values() for point in line]
    left, right = _range([x for x, _ in points])
    bottom, top = _range([y for _, y in points])

    def place(x: float, y: float) -> str:
        across = LEFT + (x - left) / (right - left) * (WIDTH - LEFT - RIGHT)
        down = HEIGHT - BOTTOM - (y - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)
        return f"{across:.1f},{down:.1f}"

    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(y_label)} by {escape(x_label)}">']
    for tick in range(TICKS + 1):
        x, y = left + (right - left) * tick / TICKS, bottom + (top - bottom) * tick / TICKS
        across, down = place(x, y).split(",")
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{down}" y2="{down}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{down}" dy="4" text-anchor="end">{y:.3g}</text>')
        parts.append(f'<text class="tick" x="{across}" y="{HEIGHT - 18}" text-anchor="middle">{x:.3g}</text>')
    parts.append(f'<text class="label" x="{WIDTH / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x_label)}</text>')
    for index, (name, line) in enumerate(series.items()):
        path = " ".join(place(x, y) for x, y in line)
        parts.append(f'<polyline class="series-{index}" points="{path}"><title>{escape(name)}</title></polyline>')
    return Markup("".join([*parts, "</svg>"]))


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
