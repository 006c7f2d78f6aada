import re
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suite.artifact import Card
from suite.data.dataset import Dataset
from suite.report import importance, page, pareto, scales, trials, units
from suite.report.network import Block
from suite.report.page import Material
from suite.report.statistics import Answers
from suite.training.thresholds import Costs

MARKUP = "<script>alert('x')</script>&"
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


def found(space: list[Any], tried: list[Any], objectives: Sequence[dict[str, str]] = (ACCURACY,)) -> dict[str, Any]:
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


def synthetic(count: int, others: int = 0) -> dict[str, Any]:
    """A search in which the trunk and the learning rate decide, with trials that end in every way there is."""
    generator = np.random.default_rng(3)
    space = SPACE + [dimension(f"other_{number}.width", [1, 2, 3]) for number in range(others)]
    tried = []
    for number in range(count):
        values: dict[str, Any] = {}
        for one in space:
            if all(values.get(condition["parent"]) in condition["values"] for condition in one["when"]):
                values[one["name"]] = draw(one, generator)
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
    return found(space, tried, [ACCURACY, LATENCY])


def draw(one: dict[str, Any], generator: np.random.Generator) -> Any:
    if one["values"]:
        return one["values"][int(generator.integers(len(one["values"])))]
    if one["logarithmic"]:
        return float(np.exp(generator.uniform(np.log(one["low"]), np.log(one["high"]))))
    return float(generator.uniform(one["low"], one["high"]))


def render(search: dict[str, Any], runners_up: Sequence[tuple[str, Sequence[Block]]] = ()) -> str:
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
            "dead_units_rows": 1, "cross_validation": {},
        },
        search=search,
    )  # fmt: skip
    dataset = Dataset({"text": np.array(["x", "y", "z"], object)}, y, ["a", "b"], splits, [])
    material = Material(
        {"loss": [1.0], "val_loss": [1.0]}, dataset,
        Answers(y, np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]], np.float32)), [Block("in", (1,), 0, ())], np.ones(3),
        Costs(), runners_up=runners_up,
    )  # fmt: skip
    return page.render(card, material)


def section(html: str) -> str:
    part = re.search(r'<section id="search">.*?</section>', html, re.DOTALL)
    assert part is not None
    for svg in re.findall(r"<svg.*?</svg>", part[0], re.DOTALL):
        ElementTree.fromstring(svg)
    assert not re.search(r"\b(nan|inf)\b", part[0])
    return part[0]


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def dominates(first: Sequence[float], second: Sequence[float], signs: Sequence[int]) -> bool:
    gains = [sign * (a - b) for a, b, sign in zip(first, second, signs, strict=True)]
    return min(gains) >= 0 and max(gains) > 0


@given(
    st.integers(1, 3).flatmap(
        lambda width: st.tuples(
            st.lists(st.lists(st.integers(-3, 3), min_size=width, max_size=width), max_size=20),
            st.lists(st.sampled_from(["max", "min"]), min_size=width, max_size=width),
        )
    )
)
def test_the_front_is_what_nothing_dominates(drawn: tuple[list[list[int]], list[str]]) -> None:
    points, directions = drawn
    signs = [1 if direction == "max" else -1 for direction in directions]
    expected = [
        number for number, point in enumerate(points) if not any(dominates(other, point, signs) for other in points)
    ]
    array = np.array(points, np.float64).reshape(-1, len(directions))
    assert pareto.front(array, directions).tolist() == expected


def test_every_part_of_a_search_is_told() -> None:
    layers = [Block("in", (1,), 0, ()), Block("Dense 4", (4,), 8, (0,))]
    search = synthetic(40)
    html = section(render(search, [("Trial 3, second", layers), (f"Trial 9, {MARKUP}", layers)]))
    text = words(html)
    for heading in (
        "Trials across their hyperparameters",
        "Importance of hyperparameters",
        "Score by hyperparameter",
        "What is gained at what cost",
        "Where the time went",
        "The best trials",
        "The best architectures",
    ):
        assert heading in text  # fmt: skip
    assert "evolution tried 40 networks in 512 s" in text
    assert f"Trial {search['best']} won" in text
    assert "conv.kernel 11 is larger than its feature map" in text
    assert f"Trial {search['best']}, the winner" in text
    assert html.count('class="drawing"') == 3
    assert "alert('x')</script>" not in html
    counts = [int(number) for number in re.findall(r"[●○◇×] (\d+) ", text)]
    assert sum(counts) == 40
    assert len(counts) == 4


def test_the_first_objective_may_be_one_of_which_less_is_better() -> None:
    tried = [trial(number, {"a": number % 3}, score) for number, score in enumerate([0.5, 0.7, 0.2, 0.4])]
    search = found([dimension("a", [0, 1, 2])], tried, [{"name": "val_log_loss", "direction": "min"}])
    read = trials.read(search)
    assert read is not None
    assert [one.id for one in read.ranked] == [2, 3, 0, 1]
    text = words(section(render(search)))
    assert "Trial 2 won with val_log_loss 0.2000" in text
    assert "What is gained" not in text


def test_a_search_of_one_trial() -> None:
    html = section(render(found(SPACE, [trial(0, {"trunk": "mlp"}, 0.5)])))
    assert "tried 1 network in" in words(html)
    assert "One trial has a score: too few" in words(html)
    assert "<h3>The trial</h3>" in html
    assert 'class="parallel"' not in html


def test_a_search_in_which_all_but_one_failed() -> None:
    failed = [
        trial(number, {"trunk": "mlp"}, None, status="failed", reason=f"reason {MARKUP}", epochs=0)
        for number in range(5)
    ]
    html = section(render(found(SPACE, [*failed, trial(5, {"trunk": "transformer"}, 0.5)])))
    assert "× 5 failed" in words(html)
    assert html.count('class="cross cross-0"') == 5
    assert "0, 1, 2, 3, 4" in html
    assert "<script" not in html


def test_names_are_written_with_dots_though_kerastuner_has_slashes() -> None:
    space = [dimension("a/kind", ["x", "y"]), dimension("a/b", [1, 2], [{"parent": "a/kind", "values": ["x"]}])]
    networks: list[dict[str, Any]] = [{"a/kind": "y"}, {"a/kind": "x", "a/b": 1}, {"a/kind": "x", "a/b": 2}]
    tried = [trial(number, networks[number % 3], 0.3 * (number % 3) + number / 1000) for number in range(12)]
    html = section(render(found(space, tried)))
    assert "where a.kind is x" in words(html)
    assert "a/" not in html


def test_the_costs_of_a_trial_may_be_unknown() -> None:
    tried = [trial(number, {}, 0.5 + number / 10) for number in range(3)]
    assert "No trial was measured in all objectives" in words(section(render(found(SPACE, tried, [ACCURACY, LATENCY]))))
    tried[1]["scores"]["latency"] = 0.4
    assert "On the front of both objectives: 1 of 3 trials." in words(
        section(render(found(SPACE, tried, [ACCURACY, LATENCY])))
    )


def test_many_hyperparameters_stay_readable() -> None:
    html = section(render(synthetic(40, others=40)))
    assert "Of 46 hyperparameters that differ, the 8 most important." in words(html)
    assert html.count("<g><title>") == 9
    assert "<summary>All 46 hyperparameters" in html
    first = re.findall(r'<table class="trials">.*?</tr>', html, re.DOTALL)[0]
    assert first.count("<th>") <= 5 + 6
    assert len(html) < 500_000


def test_names_and_values_with_markup_stay_text() -> None:
    space = [dimension(f"a.{MARKUP}", [MARKUP, "b"]), dimension("c", ["b", MARKUP])]
    tried = [trial(n, {f"a.{MARKUP}": [MARKUP, "b"][n % 2], "c": MARKUP}, n / 20) for n in range(12)]
    objectives = [ACCURACY, {"name": MARKUP, "direction": "min"}]
    for one in tried:
        one["scores"][MARKUP] = 1 - one["score"]
    html = render(found(space, tried, objectives), [(MARKUP, [Block(MARKUP, (1,), 0, ())])])
    assert "<script" not in section(html)


def test_searches_of_older_cards_are_left_out() -> None:
    tried = {"id": "00", "status": "completed", "hyperparameters": {"a/b": 1}, "score": 0.5, "seconds": 1.0}
    old = {"strategy": "random", "objective": "val_accuracy", "best": "00", "seconds": 3.0, "trials": [tried]}
    for search in (old, {}):
        html = render(search)
        assert 'id="search"' not in html
        assert "#search" not in html


def test_what_decides_comes_out_as_important_and_is_the_same_every_time() -> None:
    search = trials.read(synthetic(120))
    assert search is not None
    measured = importance.measure(search)
    assert measured is not None
    assert set(list(measured.falls)[:3]) == {"training.learning_rate", "trunk", "mlp.units"}
    assert measured.r2 > 0.5
    assert measured.falls["training.codes"] < 0.05
    assert importance.measure(search) == measured


def test_r2_is_that_of_trials_that_the_trees_have_not_seen() -> None:
    from sklearn.ensemble import RandomForestRegressor

    search = trials.read(synthetic(40))
    assert search is not None
    measured = importance.measure(search)
    assert measured is not None
    columns = [importance.encode(one, [each.values.get(one.name) for each in search.ranked]) for one in search.varied]
    forest = RandomForestRegressor(importance.TREES, random_state=0, oob_score=True)
    forest.fit(np.concatenate(columns, axis=1), np.clip(search.scores, *search.limits))
    assert measured.r2 == pytest.approx(forest.oob_score_)


@pytest.mark.parametrize("count", [1, importance.FEWEST - 1])
def test_few_trials_tell_nothing_of_importance(count: int) -> None:
    search = found(SPACE, [trial(n, {"trunk": ["mlp", "transformer"][n % 2]}, 0.5 + n / 100) for n in range(count)])
    read = trials.read(search)
    assert read is not None
    assert importance.measure(read) is None
    assert "too few to tell which hyperparameters matter (it takes 8)" in words(section(render(search)))


def test_trials_that_are_alike_tell_nothing_of_importance() -> None:
    search = found(SPACE, [trial(n, {"trunk": ["mlp", "transformer"][n % 2]}, 0.5) for n in range(12)])
    assert "too alike to tell" in words(section(render(search)))


def test_what_does_not_exist_has_a_code_of_its_own() -> None:
    numbers, names = trials.read(found(SPACE, [trial(0, {}, 0.5)])), ["mlp", None, "transformer"]
    assert numbers is not None
    trunk, _, rate, *_ = numbers.dimensions
    np.testing.assert_array_equal(importance.encode(trunk, names), [[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    encoded = importance.encode(rate, [0.01, None, 0.001])[:, 0]
    assert encoded[0] - encoded[2] == pytest.approx(np.log(10))
    assert encoded[1] < encoded[2] - 0.5


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([64, 16, 32], {16: 1 / 6, 32: 0.5, 64: 5 / 6}),
        (["b", "a"], {"b": 0.25, "a": 0.75}),
        ([False, True], {False: 0.25, True: 0.75}),
        (["1", "10", "2"], {"1": 1 / 6, "10": 0.5, "2": 5 / 6}),
    ],
)
def test_listed_values_have_equal_distances_and_numbers_their_order(
    values: list[Any], expected: dict[Any, float]
) -> None:
    read = trials.read(found([dimension("a", values)], [trial(0, {}, 0.5)]))
    assert read is not None
    scale = scales.of(read.dimensions[0], [])
    assert {value: scale.place(value) for value in expected} == pytest.approx(expected)


def test_a_continuum_is_drawn_by_powers_where_it_is_logarithmic() -> None:
    scale = scales.continuum(1e-4, 1e-1, True)
    assert [text for _, text in scale.ticks] == ["0.0001", "0.001", "0.01", "0.1"]
    assert [place for place, _ in scale.ticks] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert scales.continuum(0.0, 0.5, False).place(0.25) == 0.5


def test_a_score_far_from_the_others_does_not_hide_how_they_differ() -> None:
    scores = [0.91, 0.9, 0.92, 0.93, 0.9, 0.91, 0.92, 0.1]
    search = found(SPACE, [trial(n, {"trunk": "mlp"}, score) for n, score in enumerate(scores)])
    read = trials.read(search)
    assert read is not None
    assert read.axis[0] > 0.8
    assert "1 score that is far worse than most is drawn at the edge" in words(section(render(search)))


@pytest.mark.parametrize(
    ("objective", "value", "expected"),
    [("latency", 0.41234, "412.3 µs"),
        ("latency", 1.2345, "1.234 ms"), ("size", 45_300.0, "45.3 kB"), ("size", 512, "512 bytes"),
     ("flops", 2.5e6, "2.50 million"), ("flops", 0, "0"), ("val_accuracy", 0.5, "0.5000")],
)  # fmt: skip
def test_costs_are_written_with_their_unit(objective: str, value: float, expected: str) -> None:
    assert units.written(objective, value) == expected
