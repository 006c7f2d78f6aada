"""A pretrained network from a local folder: a tiny one with random weights, made here."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from suite.errors import UsageError

Run = Callable[..., CompletedProcess[str]]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "##ly", "a", "the", "film", "##s"]


@pytest.fixture(scope="module")
def preset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from suite.config import load_tensorflow

    load_tensorflow()
    import keras_hub

    folder = tmp_path_factory.mktemp("preset")
    network = keras_hub.models.BertBackbone(
        vocabulary_size=len(VOCABULARY), num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=16,
        max_sequence_length=32,
    )  # fmt: skip
    network.save_to_preset(str(folder))
    keras_hub.tokenizers.BertTokenizer(vocabulary=VOCABULARY, lowercase=True).save_to_preset(str(folder))
    return folder


def test_words_become_pieces_between_start_and_end() -> None:
    from suite.blocks.backbone import ABSENT, Pieces

    layer = Pieces([[], [1], [5, 7], [10]], start=2, end=3, length=6)
    pieces = np.array(layer(np.array([[2, 3, 0], [1, 2, 2], [0, 0, 0]])))
    assert pieces.tolist() == [[2, 5, 7, 10, 3, ABSENT], [2, 1, 5, 7, 5, 7], [2, 3, *[ABSENT] * 4]]


def test_the_network_reads_a_word_as_its_tokenizer_would(preset: Path) -> None:
    import keras
    import keras_hub
    from keras_tuner import HyperParameters

    from suite.blocks import backbone

    hp = HyperParameters()
    hp.values["reader/pretrained"] = str(preset)
    ids = keras.Input((4,), dtype="int32")
    words = ["", backbone.UNKNOWN_WORD, "goodly", "films", "zebra"]
    model = keras.Model(ids, backbone.pretrained(hp, ids, words, "reader"))
    assert not model.trainable_weights
    network = keras_hub.models.Backbone.from_preset(str(preset))
    pieces = np.array([[2, 5, 7, 10, 11, 1, 1, 3]])
    given = {"token_ids": pieces, "padding_mask": np.ones_like(pieces), "segment_ids": np.zeros_like(pieces)}
    expected = np.array(network(given)["sequence_output"]).mean(axis=1)
    np.testing.assert_allclose(model(np.array([[2, 3, 4, 1]])), expected, atol=1e-5)


def test_a_model_with_a_pretrained_network_is_trained_saved_and_served(
    suite: Run, preset: Path, tmp_path: Path
) -> None:
    rows = [
        f"{word} film {number},{label}" for word, label in (("good", "up"), ("bad", "down")) for number in range(40)
    ]
    (tmp_path / "reviews.csv").write_text("\n".join(["text,label", *rows]))
    options = ["--set", f"reader.pretrained={preset}", "--set", "reader.tune_pretrained=true"]
    fitted = suite(
        "fit", "text_cls", "--data", tmp_path / "reviews.csv", "--epochs", "1", "--models", tmp_path, *options, "--json"
    )
    assert fitted.returncode == 0, fitted.stderr
    card = json.loads((Path(json.loads(fitted.stdout)["artifact"]) / "card.json").read_text())
    assert card["hyperparameters"]["reader/pretrained"] == str(preset)
    assert card["engines"]["tf"]["rows_checked"] > 50
    answered = suite("predict", "text_cls", "--input", "-", "--models", tmp_path, stdin='{"text": "good film"}')
    assert answered.returncode == 0, answered.stderr


def test_an_unknown_preset_is_named(tmp_path: Path) -> None:
    from suite.blocks import backbone

    (tmp_path / "empty").mkdir()
    neither = "it is neither a folder here nor a preset that KerasHub knows"
    empty = r".* has no config\.json.*"
    for preset, reason in (("5", neither), (tmp_path / "none", neither), (tmp_path / "empty", empty)):
        with pytest.raises(UsageError, match=rf"^the pretrained network '{preset}' cannot be had \({reason}\): give"):
            backbone._load(str(preset))


def test_an_unknown_preset_ends_a_fit_in_one_line(suite: Run, tmp_path: Path) -> None:
    done = suite("fit", "text_cls", "--set", "reader.pretrained=5", "--models", tmp_path)
    assert done.returncode == 2
    assert "the pretrained network '5' cannot be had (it is neither a folder here" in done.stderr.splitlines()[-1]
