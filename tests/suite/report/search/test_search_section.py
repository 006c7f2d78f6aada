import re
from typing import Any

from search_records import (
    ACCURACY,
    LATENCY,
    MARKUP,
    SPACE,
    dimension,
    ranked,
    render_report,
    search_json,
    search_section,
    section_text,
    synthetic_search,
    text_of,
    trial,
)

from suite.report.network import Block


def test_the_section_shows_every_part_of_a_search() -> None:
    layers = [Block("in", (1,), 0, ()), Block("Dense 4", (4,), 8, (0,))]
    search = synthetic_search(40)
    html = search_section(render_report(search, [("Trial 3, second", layers), (f"Trial 9, {MARKUP}", layers)]))
    text = text_of(html)
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


def test_the_first_objective_may_be_minimised() -> None:
    tried = [trial(number, {"a": number % 3}, score) for number, score in enumerate([0.5, 0.7, 0.2, 0.4])]
    search = search_json([dimension("a", [0, 1, 2])], tried, [{"name": "val_log_loss", "direction": "min"}])
    assert [one.id for one in ranked(search).ranked] == [2, 3, 0, 1]
    text = section_text(search)
    assert "Trial 2 won with val_log_loss 0.2000" in text
    assert "What is gained" not in text


def test_a_search_of_one_trial() -> None:
    html = search_section(render_report(search_json(SPACE, [trial(0, {"trunk": "mlp"}, 0.5)])))
    assert "tried 1 network in" in text_of(html)
    assert "One trial has a score: too few" in text_of(html)
    assert "<h3>The trial</h3>" in html
    assert 'class="parallel"' not in html


def test_a_search_in_which_all_but_one_failed() -> None:
    failed = [
        trial(number, {"trunk": "mlp"}, None, status="failed", reason=f"reason {MARKUP}", epochs=0)
        for number in range(5)
    ]
    html = search_section(render_report(search_json(SPACE, [*failed, trial(5, {"trunk": "transformer"}, 0.5)])))
    assert "× 5 failed" in text_of(html)
    assert html.count('class="cross cross-0"') == 5
    assert "0, 1, 2, 3, 4" in html
    assert "<script" not in html


def test_hyperparameter_names_are_shown_with_dots() -> None:
    space = [dimension("a/kind", ["x", "y"]), dimension("a/b", [1, 2], [{"parent": "a/kind", "values": ["x"]}])]
    networks: list[dict[str, Any]] = [{"a/kind": "y"}, {"a/kind": "x", "a/b": 1}, {"a/kind": "x", "a/b": 2}]
    tried = [trial(number, networks[number % 3], 0.3 * (number % 3) + number / 1000) for number in range(12)]
    html = search_section(render_report(search_json(space, tried)))
    assert "where a.kind is x" in text_of(html)
    assert "a/" not in html


def test_the_costs_of_a_trial_may_be_unknown() -> None:
    tried = [trial(number, {}, 0.5 + number / 10) for number in range(3)]
    assert "No trial was measured in all objectives" in section_text(search_json(SPACE, tried, [ACCURACY, LATENCY]))
    tried[1]["scores"]["latency"] = 0.4
    assert "On the front of both objectives: 1 of 3 trials." in section_text(
        search_json(SPACE, tried, [ACCURACY, LATENCY])
    )


def test_networks_beyond_a_budget_leave_the_front_as_it_is() -> None:
    costs, scores = [0.1, 0.4, 0.2, 0.3], [0.5, 0.9, 0.8, 0.7]
    tried = [trial(number, {}, score) for number, score in enumerate(scores)]
    for one, cost in zip(tried, costs, strict=True):
        one["scores"]["latency"] = cost
    tried[1] |= {"status": "infeasible", "score": None, "scores": {}, "epochs": 0,
                 "reason": "its latency of 0.4 is beyond the budget of 0.35"}  # fmt: skip
    search = search_json(SPACE, tried, [ACCURACY, LATENCY])
    html = search_section(render_report(search))
    assert "On the front of both objectives: 2 of 3 trials." in text_of(html)
    chart = next(one for one in html.split("<figure") if "<figcaption>val_accuracy and latency<" in one)
    assert re.findall(r"<circle class=\"(\w+)[^<]*<title>trial (\d)", chart) == [
        ("dot", "0"),
        ("ring", "3"),
        ("dot", "2"),
    ]
    assert html.count('class="diamond diamond-0"') == 1
    assert "its latency of 0.4 is beyond the budget of 0.35" in text_of(html)
    assert "Trial 2 won" in text_of(html)


def test_many_hyperparameters_stay_readable() -> None:
    html = search_section(render_report(synthetic_search(40, others=40)))
    assert "Of 46 hyperparameters that differ, the 8 most important." in text_of(html)
    assert html.count("<g><title>") == 9
    assert "<summary>All 46 hyperparameters" in html
    first = re.findall(r'<table class="trials">.*?</tr>', html, re.DOTALL)[0]
    assert first.count("<th ") <= 5 + 6
    assert len(html) < 500_000


def test_names_and_values_with_markup_stay_text() -> None:
    space = [dimension(f"a.{MARKUP}", [MARKUP, "b"]), dimension("c", ["b", MARKUP])]
    tried = [trial(n, {f"a.{MARKUP}": [MARKUP, "b"][n % 2], "c": MARKUP}, n / 20) for n in range(12)]
    objectives = [ACCURACY, {"name": MARKUP, "direction": "min"}]
    for one in tried:
        one["scores"][MARKUP] = 1 - one["score"]
    html = render_report(search_json(space, tried, objectives), [(MARKUP, [Block(MARKUP, (1,), 0, ())])])
    assert "<script" not in search_section(html)


def test_searches_of_older_cards_are_left_out() -> None:
    tried = {"id": "00", "status": "completed", "hyperparameters": {"a/b": 1}, "score": 0.5, "seconds": 1.0}
    old = {"strategy": "random", "objective": "val_accuracy", "best": "00", "seconds": 3.0, "trials": [tried]}
    for search in (old, {}):
        html = render_report(search)
        assert 'id="search"' not in html
        assert "#search" not in html


def test_an_outlier_does_not_flatten_the_charts() -> None:
    scores = [0.91, 0.9, 0.92, 0.93, 0.9, 0.91, 0.92, 0.1]
    search = search_json(SPACE, [trial(n, {"trunk": "mlp"}, score) for n, score in enumerate(scores)])
    assert ranked(search).score_axis[0] > 0.8
    assert "1 score that is far worse than most is drawn at the edge" in section_text(search)
