"""Preprocessing in TensorFlow, for the SavedModel's graph; the mirror does the same in NumPy."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from suite.preprocessing.mirror.table import DAY, FARTHEST, WEEK, text_columns
from suite.preprocessing.mirror.text import ALONE, APOSTROPHES, FIRST, LONGEST_WORD, PADDING, RUNS, TOKENS, UNKNOWN

Tensors = dict[str, tf.Tensor]
Column = dict[str, Any]


class Preprocessing:
    """A function from raw tensors, by input name, to the core's tensors.

    `tables` are its lookup tables, which must be tracked by the object that is saved.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._categories: dict[str, tf.lookup.StaticHashTable] = {}
        kind = spec["kind"]
        steps: dict[str, Callable[[Tensors], Tensors]] = {"image": dict, "text": self._text, "table": self._table}
        self._apply = steps[kind]
        self._spec = spec
        self._texts: list[tuple[str, _Texts, dict[str, str]]] = []
        if kind == "text":
            self._texts = [("text", _Texts(spec), {name: name for name in TOKENS})]
        if kind == "table":
            categorical = [column for column in spec["columns"] if column["kind"] == "categorical"]
            self._categories = {column["name"]: _lookup(column["vocabulary"], 1, 0) for column in categorical}
            self._texts = [(column["name"], _Texts(column), names) for column, names in text_columns(spec)]
        of_texts = [lookup for _, texts, _ in self._texts for lookup in texts.tables.values()]
        self.tables = [*self._categories.values(), *of_texts]

    def __call__(self, inputs: Tensors) -> Tensors:
        return self._apply(inputs)

    def _text(self, inputs: Tensors) -> Tensors:
        return {names[token]: ids for key, texts, names in self._texts for token, ids in texts(inputs[key]).items()}

    def _table(self, inputs: Tensors) -> Tensors:
        features: list[tf.Tensor] = []
        categories: list[tf.Tensor] = []
        for column in self._spec["columns"]:
            x = inputs[column["name"]]
            if column["kind"] == "categorical":
                categories.append(self._categories[column["name"]].lookup(x))
            elif column["kind"] in FEATURES:
                features.extend(FEATURES[column["kind"]](x, column))
        core = {"features": features, "categories": categories}
        return {name: tf.stack(parts, axis=1) for name, parts in core.items() if parts} | self._text(inputs)


class _Texts:
    """Texts (N,) to ids of words, bigrams and character n-grams, as `suite.preprocessing.mirror.text.Mirror` does."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self._length, self._characters_length = spec["length"], spec["characters_length"]
        self.tables = {
            "words": _lookup(spec["words"], FIRST, UNKNOWN),
            "bigrams": _lookup(spec["bigrams"], FIRST, PADDING),
            "characters": _lookup(spec["characters"], FIRST, PADDING),
        }

    def __call__(self, texts: tf.Tensor) -> Tensors:
        words = split_words(texts)[:, : self._length]
        pairs = tf.strings.ngrams(words, 2, separator=" ")
        runs = self._ids("characters", split_characters(words))
        known = tf.ragged.boolean_mask(runs, tf.not_equal(runs, PADDING))
        return {
            "words": self._ids("words", words).to_tensor(PADDING, shape=(None, self._length)),
            "bigrams": self._ids("bigrams", pairs).to_tensor(PADDING, shape=(None, self._length)),
            "characters": known.to_tensor(PADDING, shape=(None, self._characters_length)),
        }

    def _ids(self, name: str, items: tf.RaggedTensor) -> tf.RaggedTensor:
        return tf.ragged.map_flat_values(self.tables[name].lookup, items)


def _lookup(values: list[str], first: int, default: int) -> tf.lookup.StaticHashTable:
    # TensorFlow refuses an empty table; no text and no category contains this entry.
    keys = tf.constant(values or ["\0"], tf.string)
    ids = tf.range(first, first + tf.size(keys), dtype=tf.int32)
    return tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, ids), default)


def split_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """The words of texts (N,), as `suite.preprocessing.mirror.text.words` splits them."""
    alone = "".join(f"\\x{{{low:X}}}-\\x{{{high:X}}}" for low, high in ALONE)
    texts = tf.strings.regex_replace(texts, f"[{APOSTROPHES}]", "")
    texts = tf.strings.regex_replace(texts, f"([!?\\p{{So}}\\p{{Sk}}{alone}])", r" \1 ")
    texts = tf.strings.regex_replace(texts, r"[^!?\p{L}\p{M}\p{N}\p{So}\p{Sk}" + alone + "]", " ")
    texts = tf.strings.regex_replace(tf.strings.lower(texts, encoding="utf-8"), "ς", "σ")
    return tf.strings.split(texts)


def split_characters(words: tf.RaggedTensor) -> tf.RaggedTensor:
    """The character n-grams of all words (N, words), as `suite.preprocessing.mirror.text.characters` lists them."""
    begun = tf.ragged.map_flat_values(tf.strings.substr, words, 0, LONGEST_WORD, unit="UTF8_CHAR")
    padded = tf.ragged.map_flat_values(lambda word: tf.strings.join([" ", word, " "]), begun)
    letters = tf.strings.unicode_split(padded, "UTF-8")
    return tf.concat([tf.strings.ngrams(letters, size, separator="") for size in RUNS], axis=2).merge_dims(1, 2)


def _numeric(x: tf.Tensor, column: Column) -> list[tf.Tensor]:
    missing = tf.math.is_nan(x)
    centred = tf.cast(x - column["centre"], tf.float32)
    # The largest numbers overflow where the scale is small.
    scaled = tf.clip_by_value(tf.asinh(centred / column["scale"]), -FARTHEST, FARTHEST)
    features = [tf.where(missing, 0.0, scaled)]
    return [*features, tf.cast(missing, tf.float32)] if column["mark_missing"] else features


def _boolean(x: tf.Tensor, column: Column) -> list[tf.Tensor]:
    return [tf.where(tf.math.is_nan(x), 0.0, x * 2 - 1)]


def _date(x: tf.Tensor, column: Column) -> list[tf.Tensor]:
    missing = tf.math.is_nan(x)
    zero = tf.zeros_like(x)
    seconds = tf.where(missing, zero, x)
    angles = [tf.constant(2 * 3.141592653589793, x.dtype) * tf.math.floormod(seconds, p) / p for p in (DAY, WEEK)]
    features = [wave(angle) for angle in angles for wave in (tf.sin, tf.cos)]
    features.append(tf.asinh((seconds - column["centre"]) / column["scale"]))
    return [tf.cast(tf.where(missing, zero, feature), tf.float32) for feature in features]


FEATURES: dict[str, Callable[[tf.Tensor, Column], list[tf.Tensor]]] = {
    "numeric": _numeric,
    "boolean": _boolean,
    "date": _date,
}
