import re
from xml.etree import ElementTree

import numpy as np
import pytest

from suite.report.plots import HEIGHT, WIDTH, Chart


def ticks(chart: Chart, anchor: str) -> list[str]:
    found = ElementTree.fromstring(str(chart.figure())).iter("text")
    return [tick.text or "" for tick in found if tick.get("class") == "tick" and tick.get("text-anchor") == anchor]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        ((0.31, 0.44), ["0.30", "0.35", "0.40", "0.45"]),
        ((0.0, 12_345.0), ["0", "5,000", "10,000", "15,000"]),
        ((-2.0, 3.0), ["-2", "-1", "0", "1", "2", "3"]),
    ],
)
def test_ticks_are_round_numbers_around_the_data(values: tuple[float, float], expected: list[str]) -> None:
    chart = Chart("t", "x", "y")
    chart.line("a", enumerate(values))
    assert ticks(chart, "end") == expected


def test_an_axis_of_whole_numbers_and_one_of_powers() -> None:
    chart = Chart("t", "epoch", "rows", whole=True, log=True)
    chart.bar(1, 2, 900, "nine hundred")
    assert ticks(chart, "middle") == ["1", "2"]
    assert ticks(chart, "end") == ["1", "10", "100", "1,000"]


def test_a_bar_of_one_is_seen_beside_a_bar_of_a_thousand() -> None:
    chart = Chart("t", "x", "rows", log=True)
    for at, count in enumerate((1_000, 1, 0)):
        chart.bar(at, at + 1, count, str(count))
    bars = ElementTree.fromstring(str(chart.figure())).iter("rect")
    thousand, one, none = (float(bar.get("height", "0")) for bar in bars)
    assert thousand > one > 10
    assert none == 0


def test_long_labels_of_an_axis_have_room() -> None:
    chart = Chart("t", "x", "y")
    chart.line("a", [(0, 1_000_000.25), (1, 1_000_000.5)])
    first = next(line for line in ElementTree.fromstring(str(chart.figure())).iter("line"))
    assert float(first.get("x1", "0")) > 80


@pytest.mark.parametrize("points", [[], [(1.0, 5.0)], [(1.0, 5.0), (2.0, 5.0)], [(0.0, np.nan), (1.0, 1e-9)]])
def test_hardly_any_data_still_makes_a_chart(points: list[tuple[float, float]]) -> None:
    chart = Chart("t", "x", "y")
    chart.line("a", points)
    html = str(chart.figure())
    ElementTree.fromstring(html)
    assert "nan" not in html


def test_lines_stay_within_the_chart_and_drop_invisible_points() -> None:
    chart = Chart("t", "x", "y", (0, 1), (0, 1))
    chart.line("a", zip(np.linspace(-1, 2, 100_000), np.linspace(5, -5, 100_000), strict=True))
    html = str(chart.figure())
    points = [tuple(map(float, pair.split(","))) for pair in re.findall(r'points="([^"]*)"', html)[0].split()]
    assert len(points) < 2_000
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


def test_names_are_escaped_and_several_series_have_a_legend() -> None:
    chart = Chart("<t>", "x & y", "<y>", (0, 1), (0, 1))
    assert chart.line("guide", [(0, 0), (1, 1)], guide=True) == -1
    assert chart.line("<a>", [(0, 0)]) == 0
    assert "legend" not in chart.figure()
    assert chart.line("<b>", [(1, 1)]) == 1
    chart.dot(1, 1, "<dot>", 1)
    chart.mark(0.9, "<mark>")
    chart.error(0.5, 0.2, 0.3)
    html = str(chart.figure())
    root = ElementTree.fromstring(html)
    assert [key.text for key in root.iter("span")] == ["<a>", "<b>"]
    assert "<a>" not in html
    assert root.find("svg").get("aria-label") == "<t>: <y> by x & y"  # type: ignore[union-attr]


def test_a_legend_that_is_asked_for_names_a_single_series_and_its_guide() -> None:
    chart = Chart("t", "x", "y", legend=True)
    chart.line("chance", [(0, 0), (1, 1)], guide=True)
    chart.line("model", [(0, 0), (1, 1)])
    keys = ElementTree.fromstring(str(chart.figure())).iter("span")
    assert [(key.text, key.get("class")) for key in keys] == [("chance", "key key-guide"), ("model", "key key-0")]
