"""Search records as cards hold them, and the report section made from them."""

import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np

from suite.artifact import Card, TensorSpec
from suite.data.dataset import Dataset
from suite.report import page
from suite.report.network import Block
from suite.report.page import ReportData
from suite.report.search.ranking import RankedSearch
from suite.report.statistics import Predictions
from suite.training.thresholds import ErrorCosts

MARKUP = "<script>alert('x')</script>&"
SPEC = TensorSpec("text", "string", (), "text", "text")
ACCURACY = {"name": "val_accuracy", "direction": "max"}
LATENCY = {"name": "latency", "direction": "min"}


def dimension(name: str, values: list[Any] | None, when: list[Any] | None = None, **bounds: Any) -> dict[str, Any]:
    written = ", ".join(map(str, values)) if values else f"{bounds['low']} to {bounds['high']}"
    return {"name": name, "range": written, "values": values, "low": None, "high": None, "logarithmic": False,
            "when": when or []} | bounds  # fmt: skip


def trial(number: int, values: dict[str, Any], score: float | None, **others: Any) -> dict[str, Any]:
    scores = {} if score is None else {"val_accuracy": score}
    return {
        "id": number, "status": "completed", "hyperparameters": values, "score": score, "deviation": None,
        "scores": scores, "epochs": 4, "seconds": 2.0, "started": 2.0 * number, "reason": None,
    } | others  # fmt: skip


def search_json(
    space: list[Any], tried: list[Any], objectives: Sequence[dict[str, str]] = (ACCURACY,)
) -> dict[str, Any]:
    scored = [one for one in tried if one["score"] is not None]
    sign = 1 if objectives[0]["direction"] == "max" else -1
    best = max(scored, key=lambda one: sign * one["score"])["id"]
    return {"strategy": "evolution", "seed": 0, "seconds": 512.3, "best": best, "objectives": list(objectives),
            "space": space, "trials": tried}  # fmt: skip


SPACE = [
    dimension("trunk", ["mlp", "transformer", "modulated_deformable"]),
    dimension("mlp.units", [16, 32, 64, 128], [{"parent": "trunk", "values": ["mlp"]}]),
    dimension("training.learning_rate", None, low=1e-4, high=1e-1, logarithmic=True),
    dimension("training.dropout", None, low=0.0, high=0.5),
    dimension("training.average", [False, True]),
    dimension("training.codes", ["1", "2", "10"]),
]


def synthetic_search(count: int, others: int = 0) -> dict[str, Any]:
    """A search in which the trunk and the learning rate decide, with trials of every outcome."""
    generator = np.random.default_rng(3)
    space = SPACE + [dimension(f"other_{number}.width", [1, 2, 3]) for number in range(others)]
    tried = []
    for number in range(count):
        values: dict[str, Any] = {}
        for one in space:
            if all(values.get(condition["parent"]) in condition["values"] for condition in one["when"]):
                values[one["name"]] = draw_value(one, generator)
        score = 0.9 - 0.06 * (np.log10(values["training.learning_rate"]) + 2.5) ** 2 + 0.01 * generator.normal()
        score = round(float(score - 0.08 * (values["trunk"] == "mlp")), 4)
        latency = 0.1 + 0.004 * values.get("mlp.units", 300) + 0.3 * score**8
        one = trial(number, values, score, deviation=0.008, seconds=round(float(8 + 20 * generator.random()), 1))
        one["scores"]["latency"] = latency
        if number % 9 == 5:
            one |= {"status": "infeasible", "score": None, "scores": {}, "epochs": 0, "seconds": 0.3,
                    "reason": "conv.kernel 11 is larger than its feature map of 7 x 7"}  # fmt: skip
        elif number % 17 == 8:
            one |= {"status": "failed", "score": None, "scores": {}, "epochs": 1, "reason": "out of memory, 2 times"}
        elif number % 3 == 1:
            one |= {"epochs": 1, "seconds": 6.0, "reason": "stopped after epoch 1: behind what others had there"}
        tried.append(one)
    return search_json(space, tried, [ACCURACY, LATENCY])


def draw_value(one: dict[str, Any], generator: np.random.Generator) -> Any:
    if one["values"]:
        return one["values"][int(generator.integers(len(one["values"])))]
    if one["logarithmic"]:
        return float(np.exp(generator.uniform(np.log(one["low"]), np.log(one["high"]))))
    return float(generator.uniform(one["low"], one["high"]))


def render_report(search: dict[str, Any], runners_up: Sequence[tuple[str, Sequence[Block]]] = ()) -> str:
    y, rows = np.array([0, 1, 0], np.int32), np.arange(3)
    splits: Any = {"train": rows, "validation": rows, "test": rows}
    card = Card(
        "small", 1, "text_cls", "now", [], [], ["a", "b"], {"kind": "text"},
        data={"path": "here", "rows": {"train": 3}, "detected": [], "sha256": "0"},
        metrics={"validation": {}, "test": {"ece": 0.1}},
        training={
            "parameters": 1, "seconds": 1, "epochs": 1, "best_epoch": 1, "objective": "accuracy", "temperature": 1.0,
            "threshold": None, "command": "suite tune", "seed": 0, "machine": {}, "precision": "float32",
            "dead_units": {},
            "dead_units_rows": 1, "cross_validation": {}, "retrained": False, "varies": "", "network_command": "",
        },
        search=search,
    )  # fmt: skip
    dataset = Dataset({"text": np.array(["x", "y", "z"], object)}, y, ["a", "b"], splits, [SPEC])
    predictions = Predictions(y, np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], np.float32))
    data = ReportData(
        {"loss": [1.0], "val_loss": [1.0]}, dataset, predictions, [Block("in", (1,), 0, ())], np.ones(3), ErrorCosts(),
        runners_up=runners_up,
    )  # fmt: skip
    return page.render(card, data)


def search_section(html: str) -> str:
    part = re.search(r'<section id="search"[^>]*>.*?</section>', html, re.DOTALL)
    assert part is not None
    # Its tags match, and drawings are SVG.
    ElementTree.fromstring(part[0].replace("<br>", "<br/>"))
    assert not re.search(r"\b(nan|inf)\b", part[0])
    return part[0]


def text_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def section_text(search: dict[str, Any]) -> str:
    """The words of a search's section."""
    return text_of(search_section(render_report(search)))


def ranked(search: dict[str, Any]) -> RankedSearch:
    record = RankedSearch.from_json(search)
    assert record is not None
    return record
