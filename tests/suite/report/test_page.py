import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from suite import task
from suite.artifact import Card, TensorSpec
from suite.data.dataset import Dataset
from suite.report import comparison, page, stored_predictions
from suite.report.network import Block
from suite.report.page import ReportData
from suite.report.statistics import Predictions
from suite.training.thresholds import ErrorCosts

OF_CLASSES = ("classes", "confusion", "ranking", "calibration", "threshold", "mistakes")
OF_TASK = {
    "regression": ("errors", "intervals", "mistakes"),
    "multi_label": ("labels", "number", "ranking", "calibration", "common", "mistakes"),
}
AROUND = (
    ("summary", "data", "learning"),
    ("architecture", "dead", "hyperparameters", "engines", "environment", "repeat"),
)
EMPTY = {"meta", "br", "img", "link", "hr", "input"}
MARKUP = "<script>alert('x')</script> & <img src=http://elsewhere/x.png>"


class Outline(HTMLParser):
    """The ids, loaded resources and elements of a page; AssertionError if tags do not match."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open += [] if tag in EMPTY else [tag]
        self.ids += [value or "" for name, value in attributes if name == "id"]
        self.loads += [value or "" for name, value in attributes if name in ("src", "href", "srcset", "data")]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        self._open = self._open[:-1]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag


def small(
    labels: list[str], y: list[int], probabilities: list[list[float]], texts: list[str], threshold: float | None = None
) -> tuple[Card, ReportData]:
    """A card and the data of its report, for texts that are all test rows."""
    rows = np.arange(len(y))
    specs = [TensorSpec("text", "string", (), "text", "text")]
    dataset = Dataset(
        {"text": np.array(texts, object)}, np.array(y, np.int32), labels,
        {"train": rows, "validation": rows, "test": rows}, specs,
    )  # fmt: skip
    card = Card(
        "small", 1, "text_cls", "now", specs, [], labels, {"kind": "text"}, threshold=threshold,
        data={"path": MARKUP, "rows": {"train": len(y)}, "detected": [], "sha256": "0"},
        metrics={"validation": {}, "test": {"ece": 0.1}},
        training={
            "parameters": 1, "seconds": 1, "epochs": 1, "best_epoch": 1, "objective": "accuracy", "temperature": 1.0,
            "precision": "float32",
            "threshold": "f1", "command": "suite fit", "seed": 0, "machine": {}, "dead_units": {},
            "dead_units_rows": 1, "cross_validation": {}, "retrained": False, "varies": "", "network_command": "",
        },
    )  # fmt: skip
    answers = Predictions(dataset.y, np.array(probabilities, np.float32), threshold)
    return card, ReportData({"loss": [1.0], "val_loss": [1.0]}, dataset, answers, [Block("in", (1,), 0, ())],
                          np.ones(len(y)), ErrorCosts())  # fmt: skip


def test_every_domain_has_every_section_and_needs_nothing_else(made: Any) -> None:
    html = (made.folder / page.FILE).read_text()
    outline = Outline(html)
    sections = (*AROUND[0], *OF_TASK.get(made.card.task, OF_CLASSES), *AROUND[1])
    assert [name for name in outline.ids if name in sections] == list(sections)
    assert not {"script", "link", "iframe", "object", "base"} & set(outline.tags)
    assert all(load.startswith(("#", "data:image/png;base64,")) for load in outline.loads)
    assert {f"#{name}" for name in sections} <= set(outline.loads)
    assert not re.search(r"url\(|@import", html)
    assert outline.tags.count("svg") >= 5
    assert "<td>precision</td><td>float32</td>" in html
    for text in (made.card.data["sha256"], made.card.training["command"], made.card.training["machine"]["processor"]):
        assert text in html


def test_the_artifact_holds_its_answers_and_its_dead_units(made: Any) -> None:
    assert stored_predictions.FILE in made.card.files
    kept = stored_predictions.read(made.folder, made.card)
    rows = made.dataset.rows["test"]
    np.testing.assert_array_equal(kept.y, made.dataset.y[rows])
    objective = task.get(made.card.task).objective
    measured = task.get(made.card.task).evaluate(kept.y, kept.outputs, made.card.threshold)
    assert made.card.metrics["test"][objective] == pytest.approx(measured[objective], rel=1e-6, abs=1e-6)
    shares = made.card.training["dead_units"]
    assert all(0 <= share <= 1 for share in shares.values())
    assert made.card.training["dead_units_rows"] == len(made.dataset.rows["validation"])


def test_the_operating_point_equals_that_of_the_card(make: Any) -> None:
    made = make("fraud")
    html = (made.folder / page.FILE).read_text()
    test = made.card.metrics["test"]
    assert f"precision {test['precision']:.4f}, recall {test['recall']:.4f}</title>" in html
    assert f"chosen, {made.card.threshold:.3f}" in html


def test_the_intervals_are_those_of_the_command(make: Any) -> None:
    made = make("fraud")
    html = (made.folder / page.FILE).read_text()
    for interval in comparison.load(made.models, made.card.name).intervals().values():
        assert f">{interval.low:.4f} to {interval.high:.4f}<" in html


def test_the_columns_of_a_table_have_their_importance(make: Any) -> None:
    made = make("fraud")
    columns = made.card.training["columns"]
    assert set(columns) == {spec.name for spec in made.card.inputs}
    assert made.card.training["importance_metric"] == "average_precision"
    values = [column["importance"]["value"] for column in columns.values()]
    assert values == sorted(values, reverse=True)
    assert all(column["missing"] == 0 for column in columns.values())
    html = (made.folder / page.FILE).read_text()
    assert "columns" in Outline(html).ids
    assert html.index("Importance is by how much average_precision") < html.index(f">{next(iter(columns))}<")
    assert "columns" not in Outline((make("text_cls").folder / page.FILE).read_text()).ids


def test_a_search_that_cannot_be_repeated_says_so_and_how_its_network_is_trained_again() -> None:
    card, data = small(["a", "b"], [0, 1], [[0.9, 0.1], [0.2, 0.8]], ["x", "y"])
    assert "cannot repeat" not in page.render(card, data)
    card.training |= {"varies": "It was limited by time.", "network_command": "suite fit fraud --data 'a b'"}
    html = page.render(card, data)
    assert "It was limited by time. So this command cannot repeat the search exactly" in html
    assert "<pre>suite fit fraud --data &#39;a b&#39;</pre>" in html


def test_curves_of_a_retrained_network_are_said_to_be_those_before() -> None:
    card, data = small(["a", "b"], [0, 1], [[0.9, 0.1], [0.2, 0.8]], ["x", "y"])
    assert "before the network was trained anew" not in page.render(card, data)
    card.training["retrained"] = True
    assert "before the network was trained anew" in page.render(card, data)


def test_the_worst_mistakes_are_shown_by_kind_of_input(make: Any) -> None:
    assert "data:image/png;base64," in (make("image_cls").folder / page.FILE).read_text()
    texts = make("text_cls")
    html = (texts.folder / page.FILE).read_text()
    assert html.count("<blockquote") >= 1


def test_markup_in_texts_labels_and_names_stays_text() -> None:
    labels = [f"{MARKUP} {'long ' * 30}", "b"]
    html = page.render(*small(labels, [0, 1, 0], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], [MARKUP, MARKUP, "x" * 999]))
    outline = Outline(html)
    assert "script" not in outline.tags
    assert "img" not in outline.tags
    assert "&lt;script&gt;alert(" in html
    assert "x" * 399 + "…" in html
    assert "x" * 400 not in html


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_a_test_split_of_one_class_is_reported(threshold: float | None) -> None:
    html = page.render(*small(["a", "b"], [0, 0], [[0.9, 0.1], [0.8, 0.2]], ["x", "y"], threshold))
    assert "all of one class" in html
    assert "Every test row is answered rightly" in html
    assert "nan" not in html


@pytest.mark.parametrize(("classes", "table"), [(3, True), (100, False), (300, False)])
def test_pages_of_few_and_many_classes(classes: int, table: bool) -> None:
    y = [*range(classes), 0]
    probabilities = np.full((classes + 1, classes), 0.1 / classes)
    probabilities[np.arange(classes), y[:-1]] = 0.9
    probabilities[-1, 1] = 0.9
    html = page.render(*small([f"c{n}" for n in range(classes)], y, probabilities.tolist(), ["t"] * (classes + 1)))
    outline = Outline(html)
    assert ('class="matrix"' in html) == table
    assert ('class="map"' in html) == (classes == 100)
    assert "<td>c0</td><td>c1</td><td>1</td>" in html
    assert {*AROUND[0], *OF_CLASSES, *AROUND[1]} <= set(outline.ids)
    assert len(html) < 1_000_000


def test_the_costs_of_a_detector_are_counted_on_its_test_rows() -> None:
    card, material = small(
        ["no", "yes"], [0, 1, 1, 0], [[0.2, 0.8], [0.9, 0.1], [0.3, 0.7], [0.8, 0.2]], list("abcd"), 0.5
    )
    costly = ReportData(
        material.history, material.dataset, material.predictions, material.blocks, np.full(4, 7.0), ErrorCosts(7.0, 2.0)
    )
    assert "cost 9, where a missed case costs 7 and a false alarm 2" in " ".join(page.render(card, costly).split())
