"""Texts to word and bigram ids, character by character, for any script.

Letters, marks, digits and symbols are kept in lower case; `!`, `?`, symbols (emoji) and the characters of scripts
written without spaces stand alone; apostrophes vanish; everything else separates words.
"""

import itertools
import unicodedata
from typing import Any

import numpy as np

PADDING = 0
UNKNOWN = 1
FIRST = 2
# Hiragana, Katakana, Han, Thai, Lao, Burmese, Khmer: bigrams of single characters stand in for words
ALONE = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
         (0xF900, 0xFAFF), (0x20000, 0x3134F))  # fmt: skip
APOSTROPHES = "'’"


class _Characters(dict[int, str]):
    """What `str.translate` puts for a character, found on first sight."""

    def __missing__(self, code: int) -> str:
        self[code] = result = self._find(code)
        return result

    @staticmethod
    def _find(code: int) -> str:
        character = chr(code)
        if character in APOSTROPHES:
            return ""
        category = unicodedata.category(character)
        if character in "!?" or category in ("So", "Sk") or any(low <= code <= high for low, high in ALONE):
            return f" {character} "
        if category[0] in "LMN":
            # Lower case depends on a letter's place in the word for this one Greek letter only: write it one way.
            return character.lower().replace("ς", "σ")
        return " "


_CHARACTERS = _Characters()


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    return text.translate(_CHARACTERS).split()


def bigrams(sequence: list[str]) -> list[str]:
    """Neighbouring words, joined by a space."""
    return [f"{left} {right}" for left, right in itertools.pairwise(sequence)]


class Mirror:
    """Raw {"text": object (N,)} to {"words", "bigrams"}: int32 (N, length), padded with 0; an unknown word is 1."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._length: int = spec["length"]
        self._words = {word: index for index, word in enumerate(spec["words"], FIRST)}
        self._bigrams = {pair: index for index, pair in enumerate(spec["bigrams"], FIRST)}

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        texts = inputs["text"]
        word_ids = np.zeros((len(texts), self._length), np.int32)
        pair_ids = np.zeros((len(texts), self._length), np.int32)
        for row, text in enumerate(texts):
            sequence = words(text)[: self._length]
            word_ids[row, : len(sequence)] = [self._words.get(word, UNKNOWN) for word in sequence]
            pairs = bigrams(sequence)
            pair_ids[row, : len(pairs)] = [self._bigrams.get(pair, PADDING) for pair in pairs]
        return {"words": word_ids, "bigrams": pair_ids}
