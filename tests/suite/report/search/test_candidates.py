import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
from search_records import (
    ACCURACY,
    MARKUP,
    dimension,
    ranked,
    render_report,
    search_json,
    search_section,
    text_of,
    trial,
)

from suite.report.search import candidates, options
from suite.search_record import Candidate, Ranking

SPACE = [
    dimension("trunk", ["convolution", "mlp"]),
    dimension("convolution/kernel", [3, 5], [{"parent": "trunk", "values": ["convolution"]}]),
    dimension("mlp/activation", ["relu", "mish"], [{"parent": "trunk", "values": ["mlp"]}]),
    dimension("training/learning_rate", None, low=1e-4, high=1e-1, logarithmic=True),
]
OPTIONS = {"trunk": ["convolution", "mlp"], "convolution/kernel": [3, 5], "mlp/activation": ["relu", "mish"]}
REST = {"training/learning_rate": 0.01}
# Of each network what the ranking holds and what its trial holds: only what exists.
KERNEL_3 = {"trunk": "convolution", "convolution/kernel": 3, "mlp/activation": "relu"} | REST
KERNEL_5 = {"trunk": "convolution", "convolution/kernel": 5, "mlp/activation": "relu"} | REST
RELU = {"trunk": "mlp", "convolution/kernel": 3, "mlp/activation": "relu"} | REST
MISH = {"trunk": "mlp", "convolution/kernel": 3, "mlp/activation": "mish"} | REST
NETWORKS = [KERNEL_3, KERNEL_5, RELU, MISH]


def existing(values: dict[str, Any]) -> dict[str, Any]:
    left_out = "mlp/activation" if values["trunk"] == "convolution" else "convolution/kernel"
    return {name: value for name, value in values.items() if name != left_out}


def ranking(networks: Sequence[dict[str, Any]] = NETWORKS, **others: Any) -> Ranking:
    found = tuple(Candidate(values, 0.25 + number / 10) for number, values in enumerate(networks))
    return Ranking(**{"method": "darts", "candidates": found, "compared": 1234, "seconds": 56.7,
                      "options": OPTIONS} | others)  # fmt: skip


def search_after(begun_with: Ranking, tried: Sequence[Any], space: Sequence[Any] = SPACE) -> dict[str, Any]:
    """The search as a card holds it."""
    found = search_json(list(space), list(tried), [ACCURACY]) | {"ranking": begun_with.to_json()}
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]


def part(search: dict[str, Any]) -> candidates.RankingPart:
    record = ranked(search)
    winner = next(trial for trial in record.trials if trial.id == record.best)
    found = candidates.part(record, winner)
    assert found is not None
    return found


def trained(scores: Sequence[float], networks: Sequence[dict[str, Any]] = NETWORKS) -> list[dict[str, Any]]:
    return [trial(number, existing(networks[number]), score) for number, score in enumerate(scores)]


def section_of(begun_with: Ranking, tried: Sequence[Any], space: Sequence[Any] = SPACE) -> str:
    return search_section(render_report(search_after(begun_with, tried, space)))


def cells(html: str) -> list[list[str]]:
    """The words of the table of candidates, by row."""
    table = re.findall(r'<table class="trials">.*?</table>', html, re.DOTALL)[0]
    return [[text_of(cell) for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in table.split("<tr")[1:]]


def test_candidates_are_shown_with_what_they_reached_by_themselves() -> None:
    tried = trained([0.8, 0.9, 0.7])
    tried[0]["deviation"] = 0.01
    html = section_of(ranking(notes=(f"No budget was given {MARKUP}",)), tried)
    assert "The method darts compared 1,234 networks in 56.7 s, before any was trained by itself" in text_of(html)
    assert "No budget was given" in text_of(html)
    assert "<script" not in html
    header, *rows = cells(html)
    assert header[:4] == ["rank", "dartslower is better", "val_accuracy by itself", "place"]
    assert header[6:] == ["trunk", "convolutionkernel", "mlpactivation"]
    assert rows == [
        ["1", "0.2500", "0.8000 ± 0.0100", "2", "0", "4", "convolution", "3", "–"],
        ["2", "0.3500", "0.9000", "1", "1", "4", "convolution", "5", "–"],
        ["3", "0.4500", "0.7000", "3", "2", "4", "mlp", "–", "relu"],
        ["4", "0.5500", "not trained", "–", "–", "–", "mlp", "–", "mish"],
    ]
    assert re.search(r'<tr class="won"><td>2</td><td>0\.3500', html)


def test_a_trial_that_differs_in_what_the_ranking_did_not_search_is_another_network() -> None:
    other = existing(KERNEL_3) | {"training/learning_rate": 0.05}
    tried = [trial(0, other, 0.95), *[one | {"id": one["id"] + 1} for one in trained([0.8])]]
    assert [row.trial and row.trial.id for row in part(search_after(ranking(), tried)).rows] == [1, None, None, None]


def test_candidates_that_were_not_trained_to_the_end_say_so_and_are_not_compared() -> None:
    tried = trained([0.8, 0.7, 0.6])
    tried[1] |= {"stage": "open", "reason": "no time was left"}
    tried[2] |= {"status": "infeasible", "score": None, "scores": {}, "reason": "its size of 9 is beyond the budget"}
    html = section_of(ranking(), tried)
    _, *rows = cells(html)
    assert [row[2:6] for row in rows[:3]] == [
        ["0.8000", "1", "0", "4"],
        ["0.7000", "–", "1", "4 ○"],
        ["infeasible", "–", "2", "4"],
    ]
    assert (
        "One candidate was trained by itself to the end: too few to compare the ranking with (it takes 3)"
        in text_of(html)
    )


@pytest.mark.parametrize(
    ("scores", "direction", "spearman", "kendall", "words"),
    [
        ([0.9, 0.8, 0.7, 0.6], "max", 1.0, 1.0, "largely agree"),
        ([0.9, 0.7, 0.8, 0.6], "max", 0.8, 2 / 3, "largely agree"),
        ([0.8, 0.9, 0.6, 0.7], "max", 0.6, 1 / 3, "agree in part"),
        ([0.7, 0.9, 0.6, 0.8], "max", 0.0, 0.0, "have little to do with each other"),
        ([0.9, 0.8, 0.7, 0.6], "min", -1.0, -1.0, "contradict each other"),
        ([0.1, 0.2, 0.3], "min", 1.0, 1.0, "largely agree"),
    ],
)
def test_the_ranking_is_compared_with_the_scores_of_networks_by_themselves(
    scores: list[float], direction: str, spearman: float, kendall: float, words: str
) -> None:
    search = search_after(ranking(), trained(scores))
    search["objectives"] = [{"name": "val_log_loss", "direction": direction}]
    agreement = part(search).agreement
    assert agreement is not None
    assert (agreement.networks, agreement.verdict) == (len(scores), words)
    assert (agreement.spearman, agreement.kendall) == pytest.approx((spearman, kendall))
    assert f"{words}: Spearman's rank correlation is {spearman:.2f}, Kendall's {kendall:.2f} ({len(scores)} pairs" in (
        text_of(search_section(render_report(search)).replace("&#39;", "'"))
    )


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        ([0.9, 0.8], "Only 2 candidates were trained by themselves to the end: too few"),
        ([0.9, 0.9, 0.9], "The 3 candidates trained by themselves to the end are too alike in their scores"),
    ],
)
def test_orders_are_not_compared_where_there_are_none(scores: list[float], words: str) -> None:
    html = section_of(ranking(), trained(scores))
    assert words in text_of(html)
    assert "Spearman" not in html


def test_equal_scores_share_a_place() -> None:
    rows = part(search_after(ranking(), trained([0.8, 0.9, 0.8, 0.7]))).rows
    assert [row.place for row in rows] == [2, 1, 2, 4]


def test_likelihoods_are_drawn_of_the_hyperparameters_that_changed_most() -> None:
    names = [f"cell/edge_{number}" for number in range(options.MAX_CHARTS + 3)]
    history = {
        name: [[0.5, 0.5], [0.5 + number / 40, 0.5 - number / 40]] for number, name in enumerate(names)
    }  # fmt: skip
    begun_with = ranking(options=OPTIONS | {name: ["skip", "conv"] for name in names}, history=history)
    html = section_of(begun_with, trained([0.8, 0.9]))
    drawn = re.findall(r"<figcaption>(cell\.edge_\d+)</figcaption>", html)
    assert drawn == [f"cell.edge_{number}" for number in range(options.MAX_CHARTS + 2, 2, -1)]
    assert "Another 3 hyperparameters changed less, by 0.050 at most." in text_of(html)
    assert '<span class="key key-0">skip</span><span class="key key-1">conv</span>' in html
    assert "cell/" not in html


def test_of_many_options_the_likeliest_have_colours_and_one_epoch_is_drawn_as_points() -> None:
    values = [f"operation_{number}" for number in range(9)]
    likelihoods = [[0.02, 0.03, 0.04, 0.01, 0.2, 0.2, 0.2, 0.2, 0.1]]
    begun_with = ranking(options={"edge": values}, history={"edge": likelihoods})
    html = section_of(begun_with, trained([0.8]))
    chart = next(one for one in html.split("<figure") if "<figcaption>edge<" in one)
    assert re.findall(r'key-(\d)">operation_(\d)<', chart) == [
        ("0", "2"), ("1", "4"), ("2", "5"), ("3", "6"), ("4", "7"), ("5", "8"),
    ]  # fmt: skip
    assert chart.count('class="guide"') == 3
    assert chart.count("<circle") == 6


def test_the_options_show_what_the_winner_has() -> None:
    html = section_of(ranking(), trained([0.8, 0.9, 0.7]))
    rows = re.findall(r'<tr><th scope="row".*?</tr>', html)
    assert [text_of(row) for row in rows] == [
        "trunk✓ convolution mlp",
        "convolution.kernel3 ✓ 5",
        "mlp.activationrelu mish not in the winner",
    ]
    assert html.count('class="option chosen"') == 2
    assert "--share" not in rows[0]
    assert "How likely each option became" not in html


def test_the_winner_may_have_what_the_ranking_did_not_search() -> None:
    space = [dimension("trunk", ["convolution", "mlp", MARKUP]), *SPACE[1:]]
    tried = [*trained([0.8]), trial(1, {"trunk": MARKUP} | REST, 0.9)]
    history = {"trunk": [[0.5, 0.5], [0.25, 0.75]]}
    html = section_of(ranking(history=history), tried, space)
    assert '<span class="option cell" style="--share:0.750">mlp <small>75%</small></span>' in html
    assert "the winner has &lt;script&gt;" in html
    assert "<script" not in html


def test_many_hyperparameters_are_opened_by_a_summary() -> None:
    names = [f"cell/edge_{number}" for number in range(options.MAX_ROWS + 5)]
    html = section_of(ranking(options={name: ["skip", "conv"] for name in names}), trained([0.8]))
    assert f"Another 5 of {len(names)} hyperparameters" in text_of(html)
    assert html.count('<table class="left options">') == 2


def test_a_ranking_may_have_many_candidates_or_none_and_large_scores() -> None:
    many = tuple(Candidate(KERNEL_3 | {"convolution/kernel": number}, -1e6 - number) for number in range(30))
    html = section_of(ranking(candidates=many), trained([0.8]))
    assert len(cells(html)) == 1 + candidates.MAX_CANDIDATES
    assert "The first 20 of 30 candidates" in text_of(html)
    assert cells(html)[2][1] == "-1,000,001"
    assert "It found no network to propose" in section_of(ranking(candidates=()), trained([0.8]))


def test_searches_without_a_ranking_have_no_such_part() -> None:
    search = search_json(SPACE, trained([0.8, 0.9]))
    for without in (search, search | {"ranking": None}):
        assert "What the search began with" not in search_section(render_report(without))
