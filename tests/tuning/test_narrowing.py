import json
from pathlib import Path
from typing import Any

import pytest
from simulated import branching, searchable

from suite.errors import UsageError
from tuning import narrowing, space
from tuning.oracles.distinct import combinations


def explored(*sets: str, fixes: tuple[str, ...] = (), file: Path | None = None) -> list[dict[str, Any]]:
    """Every configuration of the narrowed space."""
    narrowed = narrowing.parse(sets, fixes, file)
    found = space.explore(branching, narrowed.hyperparameters)
    narrowed.check()
    return list(combinations(space.hyperparameters(found).space))


def test_a_list_leaves_those_values() -> None:
    found = explored("kind=deep,wide", "width=8,32")
    assert {values["kind"] for values in found} == {"deep", "wide"}
    assert {values["width"] for values in found if "width" in values} == {8, 32}
    assert len(found) == (2 * 2 + 4) * 2


def test_a_range_leaves_what_is_in_it() -> None:
    found = explored("share=0.1..0.2", "width=10..40", "kind=deep,wide")
    assert {values["share"] for values in found if "share" in values} == {0.1, 0.2}
    assert {values["width"] for values in found if "width" in values} == {16, 32}


def test_what_is_fixed_has_one_value_and_what_hangs_on_others_is_gone() -> None:
    found = explored(fixes=("kind=wide", "norm=true"))
    assert {values["kind"] for values in found} == {"wide"}
    assert {values["norm"] for values in found} == {True}
    assert all("depth" not in values for values in found)
    assert len(found) == 4


def test_the_end_of_a_name_stands_for_all_that_end_so() -> None:
    def scoped(hp: Any) -> None:
        for name in ("conv", "head"):
            with hp.name_scope(name):
                hp.Choice("activation", ["relu", "mish", "gelu"])

    narrowed = narrowing.parse((), ("activation=mish",), None)
    found = space.hyperparameters(space.explore(scoped, narrowed.hyperparameters))
    assert list(combinations(found.space)) == [{"conv/activation": "mish", "head/activation": "mish"}]


def test_a_file_narrows_and_may_leave_all_else_at_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "space.json"
    file.write_text(json.dumps({"kind": ["deep"], "depth": {"min": 1, "max": 2}, "others": "default"}))
    assert explored(file=file) == [
        {"kind": "deep", "depth": depth, "width": 16, "norm": False} for depth in (1, 2)
    ]  # fmt: skip
    assert explored("depth=2", file=file) == [{"kind": "deep", "depth": 2, "width": 16, "norm": False}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("knid=deep", "there is no hyperparameter 'knid': did you mean 'kind'?"),
        ("kind=deep,narrow", "kind cannot be narrow: the domain's space has one of plain, deep, wide"),
        ("share=0.1..0.9", "share cannot be 0.1..0.9: the domain's space has from 0.0 to 0.3"),
        ("width=9..15", "width cannot be 9..15: the domain's space has one of 8, 16, 32"),
        ("width=16.0", "width cannot be 16.0: the domain's space has one of 8, 16, 32"),
        ("depth=2..1", "depth cannot go from 2 to 1: the first is the larger"),
        ("norm=1", "norm cannot be 1: the domain's space has one of False, True"),
        ("kind", "'kind' narrows nothing: write it as name=value, name=16,32 or name=0.1..0.5"),
        ("kind=", "'kind=' narrows nothing: write it as name=value, name=16,32 or name=0.1..0.5"),
    ],
)
def test_what_is_not_in_the_space_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        explored(text)
    assert str(raised.value) == said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"kind": []}', "kind has no values to choose from"),
        ("[1]", "holds a list, not a search space"),
        ("{", "does not hold a search space"),
        ('{"depth": {"min": 1}}', "write a range as"),
        ('{"others": "none"}', "'others' in"),
    ],
)
def test_a_file_that_is_no_space_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "space.json"
    file.write_text(content)
    with pytest.raises(UsageError, match=said):
        explored(file=file)


def test_nothing_narrowed_is_the_whole_space() -> None:
    assert explored() == list(combinations(searchable().space))
