"""Every text network trains, is exported and gives the same predictions on both engines."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.blocks.sequence import READERS
from suite.data.dataset import Dataset

SMALL = {"bag.units": 2, "reader.units": 16}


@pytest.fixture(scope="module")
def brief(make: Callable[[str], Any]) -> Dataset:
    """Real texts of at most six words, because recurrent networks are unrolled word by word."""
    dataset: Dataset = make("text_cls").dataset
    texts = np.array([" ".join(text.split()[:6]) for text in dataset.inputs["text"]], object)
    return replace(dataset, inputs={"text": texts})


@pytest.mark.parametrize("kind", READERS)
def test_a_reader_beside_the_bags(brief: Dataset, tmp_path: Path, kind: str) -> None:
    from suite import saving, workflow
    from suite.training.data import prepare
    from suite.training.fit import TrainingSettings

    domain = registry.get("text_cls")
    prepared = prepare(domain, brief)
    hp = workflow.resolve_hyperparameters(domain, prepared, 1, {**SMALL, "reader.kind": kind})
    outcome = workflow.train(domain, brief, prepared, hp, TrainingSettings(1, 0, "accuracy"))
    assert any(layer.name.startswith("reader_") for layer in outcome.fitted.model.layers)
    _, card = saving.save(tmp_path, "text", outcome, command="suite fit")
    assert card.engines["litert"]["max_abs_diff"] < 1e-4, card.notes


@pytest.mark.parametrize("kind", READERS)
def test_the_vector_of_padding_does_not_matter(kind: str) -> None:
    import keras
    from keras_tuner import HyperParameters

    from suite.blocks import sequence

    keras.utils.set_random_seed(0)
    hp = HyperParameters()
    hp.values.update({"reader/kind": kind, "reader/units": 16})
    ids = keras.Input((6,), dtype="int32")
    model = keras.Model(ids, sequence.reader(hp, ids, 9, "reader"))
    rows = np.array([[3, 4, 5, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.int32)
    before = model(rows).numpy()
    table = model.get_layer("reader_embedding").embeddings
    table.assign(np.concatenate([table.numpy()[:1] + 5.0, table.numpy()[1:]]))
    after = model(rows).numpy()
    np.testing.assert_allclose(before[0], after[0], atol=1e-5)
    assert np.isfinite(after).all()
