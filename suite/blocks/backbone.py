"""Pretrained networks from KerasHub for texts, by the name of a preset or from a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
from keras import layers, ops
from keras_tuner import HyperParameters

from suite.errors import UsageError

UNKNOWN_WORD = "□"
ABSENT = -1
MAX_PIECES = 6
MAX_LENGTH = 512


def pretrained(
    hp: HyperParameters, ids: keras.KerasTensor, words: Sequence[str], name: str
) -> keras.KerasTensor | None:
    """Word ids int32 (N, length) to the mean of the network's vectors over the text, (N, units).

    `words` holds the word of every id, "" for padding and UNKNOWN_WORD for unknown words. None if `pretrained` is
    empty; a search does not change it. The network's weights are frozen unless `tune_pretrained` is set. UsageError for
    an unknown preset, or if the package keras-hub is not installed.
    """
    with hp.name_scope(name):
        preset = hp.Fixed("pretrained", "")
        if not preset:
            return None
        whole, tokenizer = _load(str(preset))
        # Some networks also have a pooled output, which is a vector of the first token only.
        vectors = whole.output["sequence_output"] if isinstance(whole.output, dict) else whole.output
        network = keras.Model(whole.input, vectors, name=f"{name}_pretrained")
        network.trainable = hp.Boolean("tune_pretrained", default=False)
    max_length = min(MAX_LENGTH, getattr(whole, "max_sequence_length", MAX_LENGTH))
    # Most words have one or two pieces: with room for more, most positions would be padding.
    length = min(2 * ids.shape[1] + 2, max_length)
    start, end = (getattr(tokenizer, name, None) for name in ("start_token_id", "end_token_id"))
    table = [_pieces(tokenizer, word) for word in words]
    pieces = Pieces(table, start, end, length=length, name=f"{name}_pieces")(ids)
    present = pieces != ABSENT
    tokens = {
        "token_ids": ops.where(present, pieces, tokenizer.pad_token_id or 0),
        "padding_mask": ops.cast(present, "int32"),
        "segment_ids": ops.zeros_like(pieces),
    }
    read = network({key: tokens[key] for key in whole.input})
    return layers.GlobalAveragePooling1D(name=f"{name}_pretrained_mean")(read, mask=present)


def _load(preset: str) -> tuple[keras.Model, Any]:
    try:
        import keras_hub
    except ImportError:
        raise UsageError(
            "a pretrained network needs a package that is not installed: pip install 'neural-suite[hub]'"
        ) from None
    if not ("://" in preset or preset in keras_hub.models.Backbone.presets or Path(preset).exists()):
        raise _unavailable(preset, "it is neither a folder here nor a preset that KerasHub knows")
    try:
        return (
            keras_hub.models.Backbone.from_preset(preset),
            keras_hub.tokenizers.Tokenizer.from_preset(preset),
        )
    except Exception as error:  # the package, the network and the files may raise anything
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise _unavailable(preset, first) from error


def _unavailable(preset: str, reason: str) -> UsageError:
    return UsageError(
        f"the pretrained network '{preset}' cannot be had ({reason}): give the folder of a KerasHub preset for texts, "
        "or, with a network connection, the name of one"
    )


def _pieces(tokenizer: Any, word: str) -> list[int]:
    # Tokenizers that treat spaces as characters know most words with a space before them.
    return [int(piece) for piece in tokenizer([f" {word}"])[0]][:MAX_PIECES] if word else []


@keras.saving.register_keras_serializable(package="suite")
class Pieces(layers.Layer):  # type: ignore[misc]
    """Word ids (N, words) to the ids of the words' pieces, int32 (N, length), between `start` and `end`.

    `table` holds the pieces of each word. Positions after the end are ABSENT.
    """

    def __init__(
        self, table: Sequence[Sequence[int]], start: int | None, end: int | None, length: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.table = [list(pieces) for pieces in table]
        self.start, self.end, self.length = start, end, length
        width = max(1, *(len(pieces) for pieces in self.table))
        self._rows = [[*pieces, *[ABSENT] * (width - len(pieces))] for pieces in self.table]

    def call(self, ids: Any) -> Any:
        pieces = ops.take(ops.convert_to_tensor(self._rows, "int32"), ids, axis=0)
        pieces = ops.reshape(pieces, (-1, ids.shape[1] * len(self._rows[0])))
        around = [ops.full_like(pieces[:, :1], ABSENT if piece is None else piece) for piece in (self.start, self.end)]
        sequence = ops.concatenate([around[0], pieces, around[1]], axis=1)
        places = ops.arange(sequence.shape[1])
        order = ops.argsort(ops.where(sequence == ABSENT, places + sequence.shape[1], places), axis=1)
        return ops.take_along_axis(sequence, order, axis=1)[:, : self.length]

    def compute_output_spec(self, ids: Any) -> Any:
        width = min(self.length, ids.shape[1] * len(self._rows[0]) + 2)
        return keras.KerasTensor((ids.shape[0], width), "int32")

    def get_config(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("table", "start", "end", "length")}
        return {**super().get_config(), **own}
