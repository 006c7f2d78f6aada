"""Which spellings of a label mean the same class, and which mean that there is none."""

import re
from collections.abc import Iterable, Sequence

from suite.preprocessing.mirror.values import FALSE, MISSING, TRUE

# Missing words that people also call a class; the others, such as NaN, no person has chosen.
CLASS_WORDS = frozenset(("na", "n/a", "null", "none", "?", "-", "–", "—"))
NO_LABEL = MISSING - CLASS_WORDS
# Not those with zeros in front, such as the code 007.
WHOLE = re.compile(r"([+-]?)(0|[1-9][0-9]*)(?:\.0*)?")


def names(spellings: Iterable[str], wanted: int = 0) -> dict[str, str]:
    """The class that each spelling means, "" for none.

    Among numbers and booleans, 1 and 1.0 or true and True are one class, and missing words are none. Among words, none
    and NA are classes; but not where just the others are as many classes as are `wanted`.
    """
    classes = {text: text.strip() for text in spellings}
    labels = {text for text in classes.values() if text.lower() not in NO_LABEL}
    words = {text for text in labels if text.lower() not in MISSING}
    if words and all(map(_is_value, words)):
        same = _one_name_each(words)
    else:
        same = {text: text for text in (words if len(labels) > wanted == len(words) else labels)}
    return {text: same.get(trimmed, "") for text, trimmed in classes.items()}


def match(found: Iterable[str], known: Sequence[str]) -> dict[str, str]:
    """The known class of each found label, without those that have none; true and 1 are the same."""
    by_key = {_key(name): name for name in known} if all(map(_is_value, known)) else {}
    matched = {label: label if label in known else by_key.get(_key(label), "") for label in found}
    return {label: name for label, name in matched.items() if name}


def _one_name_each(words: set[str]) -> dict[str, str]:
    """Whole numbers without a point, booleans as they are written, or in small letters if in several ways."""
    by_key: dict[str, list[str]] = {}
    for word in sorted(words):
        by_key.setdefault(_key(word), []).append(word)
    found: dict[str, str] = {}
    for key, same in by_key.items():
        letters = sorted({word.lower() for word in same if not WHOLE.fullmatch(word)})
        name = key if not letters else same[0] if len(same) == 1 else letters[0]
        found |= dict.fromkeys(same, name)
    return found


def _is_value(text: str) -> bool:
    return bool(WHOLE.fullmatch(text)) or text.lower() in TRUE | FALSE


def _key(text: str) -> str:
    lower = text.lower()
    if lower in ("true", "false"):
        return str(int(lower == "true"))
    whole = WHOLE.fullmatch(text)
    if whole:
        return whole[2] if whole[1] != "-" or whole[2] == "0" else f"-{whole[2]}"
    return lower
