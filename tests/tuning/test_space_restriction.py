import json
from pathlib import Path
from typing import Any

import pytest
from simulated import branching, searchable

from suite.errors import UsageError
from tuning import space, space_restriction
from tuning.hyperparameter_kinds import configurations


def explored(*sets: str, fixes: tuple[str, ...] = (), file: Path | None = None) -> list[dict[str, Any]]:
    """Every configuration of the restricted space."""
    restriction = space_restriction.parse(sets, fixes, file)
    found = space.explore(branching, restriction.new_hyperparameters)
    restriction.check()
    return list(configurations(space.to_hyperparameters(found).space))


def test_a_list_keeps_its_values() -> None:
    found = explored("kind=deep,wide", "width=8,32")
    assert {values["kind"] for values in found} == {"deep", "wide"}
    assert {values["width"] for values in found if "width" in values} == {8, 32}
    assert len(found) == (2 * 2 + 4) * 2


def test_a_range_keeps_the_values_inside() -> None:
    found = explored("share=0.1..0.2", "width=10..40", "kind=deep,wide")
    assert {values["share"] for values in found if "share" in values} == {0.1, 0.2}
    assert {values["width"] for values in found if "width" in values} == {16, 32}


def test_a_fixed_hyperparameter_has_one_value_and_removes_what_needs_others() -> None:
    found = explored(fixes=("kind=wide", "norm=true"))
    assert {values["kind"] for values in found} == {"wide"}
    assert {values["norm"] for values in found} == {True}
    assert all("depth" not in values for values in found)
    assert len(found) == 4


def test_the_end_of_a_name_applies_to_all_names_that_end_in_it() -> None:
    def scoped(hp: Any) -> None:
        for name in ("conv", "head"):
            with hp.name_scope(name):
                hp.Choice("activation", ["relu", "mish", "gelu"])

    restriction = space_restriction.parse((), ("activation=mish",), None)
    found = space.to_hyperparameters(space.explore(scoped, restriction.new_hyperparameters))
    assert list(configurations(found.space)) == [{"conv/activation": "mish", "head/activation": "mish"}]


def test_a_file_restricts_and_may_keep_all_other_defaults(tmp_path: Path) -> None:
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
def test_names_and_values_outside_the_space_are_refused(text: str, said: str) -> None:
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
def test_an_invalid_space_file_is_refused(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "space.json"
    file.write_text(content)
    with pytest.raises(UsageError, match=said):
        explored(file=file)


def test_without_rules_the_space_is_whole() -> None:
    assert explored() == list(configurations(searchable().space))
