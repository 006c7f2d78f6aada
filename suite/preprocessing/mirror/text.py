"""Preprocessing of texts: ids of words, bigrams and character n-grams within words, for any script.

Letters, marks, digits and symbols are kept, in lower case. `!`, `?`, symbols (emoji) and the characters of scripts
without spaces are words of their own. Apostrophes are dropped. Everything else separates words.
"""

import itertools
import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np

TOKENS = ("words", "bigrams", "characters")
PADDING = 0
UNKNOWN = 1
FIRST = 2
# Scripts without spaces, whose bigrams of characters take the place of words: Hiragana, Katakana, Han, Thai, Lao,
# Burmese, Khmer.
ALONE = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
         (0xF900, 0xFAFF), (0x20000, 0x3134F))  # fmt: skip
APOSTROPHES = "'’"
RUNS = (3, 4, 5)
LONGEST_WORD = 30
CACHED_WORDS = 50_000


class _Characters(dict[int, str]):
    """A table for `str.translate`, filled when a character is first seen."""

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
            # The lower case of this Greek letter depends on its place in the word; the final form is not used.
            return character.lower().replace("ς", "σ")
        return " "


_CHARACTERS = _Characters()


def words(text: str) -> list[str]:
    """The words of a text, in order."""
    return text.translate(_CHARACTERS).split()


def bigrams(sequence: list[str]) -> list[str]:
    """Pairs of neighbouring words, each joined by a space."""
    return [f"{left} {right}" for left, right in itertools.pairwise(sequence)]


def characters(word: str) -> list[str]:
    """The 3- to 5-grams of a word's first 30 characters, with a space at each end of the word."""
    padded = f" {word[:LONGEST_WORD]} "
    return [padded[start : start + size] for size in RUNS for start in range(len(padded) - size + 1)]


def rarity(spec: dict[str, Any]) -> dict[str, np.ndarray]:
    """The smoothed inverse document frequency of every id (Spärck Jones 1972), float32, scaled to a mean of one.

    It is one for the ids of padding and of unknown tokens.
    """
    return {name: _rarity(spec["frequencies"][name], spec["texts"]) for name in TOKENS}


def _rarity(frequencies: list[int], texts: int) -> np.ndarray:
    known = np.log((1 + texts) / (1 + np.array(frequencies, np.float32))) + 1
    return np.concatenate([np.ones(FIRST, np.float32), known / (known.mean() if len(known) else 1)]).astype(np.float32)


class Mirror:
    """Raw {"text": object (N,)} to {"words", "bigrams", "characters"}: int32 (N, length of each), padded with 0.

    Unknown words are 1, unknown bigrams are padding, and unknown character n-grams are left out.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._length: int = spec["length"]
        self._runs: int = spec["characters_length"]
        self._words = {word: index for index, word in enumerate(spec["words"], FIRST)}
        self._bigrams = {pair: index for index, pair in enumerate(spec["bigrams"], FIRST)}
        known = {run: index for index, run in enumerate(spec["characters"], FIRST)}
        # Most words come up many times.
        self._characters = lru_cache(CACHED_WORDS)(
            lambda word: [known[run] for run in characters(word) if run in known]
        )

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        texts = inputs["text"]
        word_ids = np.zeros((len(texts), self._length), np.int32)
        pair_ids = np.zeros((len(texts), self._length), np.int32)
        run_ids = np.zeros((len(texts), self._runs), np.int32)
        for row, text in enumerate(texts):
            sequence = words(text)[: self._length]
            word_ids[row, : len(sequence)] = [self._words.get(word, UNKNOWN) for word in sequence]
            pairs = bigrams(sequence)
            pair_ids[row, : len(pairs)] = [self._bigrams.get(pair, PADDING) for pair in pairs]
            runs = [run for word in sequence for run in self._characters(word)][: self._runs]
            run_ids[row, : len(runs)] = runs
        return {"words": word_ids, "bigrams": pair_ids, "characters": run_ids}
