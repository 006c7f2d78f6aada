"""What errors say of names that are not known."""

import time

from suite.errors import LISTED, LONGEST, listed, nearest, shortened, unknown


def test_the_nearest_name_is_suggested() -> None:
    assert str(unknown("model", "digit", ["digits", "reviews"])) == "there is no model 'digit': did you mean 'digits'?"
    assert str(unknown("model", "x", ["a", "b"])) == "there is no model 'x': choose one of: a, b"
    assert str(unknown("model", "x", [])) == "there is no model 'x': choose one of: (there are none)"


def test_long_names_are_neither_compared_nor_repeated() -> None:
    begun = time.process_time()
    message = str(unknown("column", "abcdefgh" * 2**20, [f"column {i}" for i in range(100_000)]))
    assert time.process_time() - begun < 0.5
    assert len(message) < LISTED * 20
    assert nearest("a" * (LONGEST + 1), ["a" * (LONGEST + 1)]) is None
    assert shortened("a" * LONGEST) == "a" * LONGEST
    assert shortened("a" * (LONGEST + 1)) == "a" * (LONGEST - 3) + "..."


def test_many_names_are_counted() -> None:
    names = [str(i) for i in range(1042)]
    assert listed(names[:3]) == "0, 1, 2"
    assert listed(names).endswith("39, and 1,002 more")
