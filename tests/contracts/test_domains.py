"""What every domain must do. Domains come from the registry, so new ones are tested without changes here."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from serving.engines import select
from suite import answers, artifact
from suite import domain as registry
from suite import task as tasks
from suite.data import truth
from suite.data.options import DataOptions
from suite.preprocessing import mirror
from tests.conftest import every_model, example

NUMBERS = {"score", "threshold", "prediction", "lower", "upper"}
RELOAD = """
import sys, json
import numpy as np, tensorflow as tf
folder, path, answer = sys.argv[1:]
raw = np.load(path, allow_pickle=False)
run = tf.saved_model.load(folder).signatures["serving_default"]
given = {name: x.astype(object) if x.dtype.kind == "U" else x for name, x in raw.items()}
(output,) = run(**{name: tf.constant(x) for name, x in given.items()}).values()
np.save(answer, output)
print(json.dumps(sorted(name for name in sys.modules if name.split(".")[0] in ("suite", "serving", "tuning"))))
"""


def rows_of(made: Any, count: int = 8) -> dict[str, np.ndarray]:
    return made.dataset.take(made.dataset.rows["test"][:count])


def test_the_artifact_is_whole_and_describes_itself(made: Any) -> None:
    card = made.card
    assert {"saved_model.pb", "fingerprint.pb", "model.keras", "report.html"} <= set(card.files)
    assert artifact.read_card(made.folder) == card
    artifact.verify(made.folder, card)
    assert set(card.metrics) == {"validation", "test"}
    assert tasks.get(card.task).objective in card.metrics["test"]
    assert card.data["rows"] == {name: len(rows) for name, rows in made.dataset.rows.items()}
    assert card.labels == made.dataset.labels
    assert "learning_rate" in " ".join(card.hyperparameters)


def test_the_light_engine_agrees_with_the_saved_model(made: Any) -> None:
    scale = made.card.target.get("scale", 1)
    assert made.card.engines["litert"]["max_abs_diff"] <= 1e-4 * scale
    # More rows than any batch size that an engine pads to.
    raw = made.dataset.take(np.resize(made.dataset.rows["test"], 300))
    light = select.load(made.folder, made.card, "litert").run(raw)[made.card.outputs[0].name]
    full = select.load(made.folder, made.card, "tf").run(raw)[made.card.outputs[0].name]
    assert light.shape == (300, *made.card.outputs[0].shape)
    np.testing.assert_allclose(light, full, atol=1e-4 * scale)
    targets = tasks.get(made.card.task).targets(made.dataset.y, made.card.target)
    if (targets.sum(axis=1) == 1).all():
        np.testing.assert_allclose(light.sum(axis=1), 1, atol=1e-5)


def test_a_fresh_process_without_our_code_gives_the_same_outputs(made: Any, tmp_path: Any) -> None:
    raw = rows_of(made)
    given = {spec.tensor: raw[spec.name] for spec in made.card.inputs}
    np.savez(tmp_path / "raw.npz", **{name: x.astype(str) if x.dtype == object else x for name, x in given.items()})
    command = [sys.executable, "-c", RELOAD, made.folder, tmp_path / "raw.npz", tmp_path / "answer.npy"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert json.loads(done.stdout.splitlines()[-1]) == []
    ours = select.load(made.folder, made.card, "tf").run(raw)[made.card.outputs[0].name]
    np.testing.assert_allclose(np.load(tmp_path / "answer.npy"), ours, rtol=1e-6, atol=1e-6)


def test_the_mirror_and_the_graph_agree_on_edge_cases(made: Any) -> None:
    import tensorflow as tf

    from suite.preprocessing.graph import Preprocessing

    odd = registry.get(made.card.domain).edge_cases(made.dataset)
    by_numpy = mirror.load(made.card.preprocessing)(odd)
    by_graph = Preprocessing(made.card.preprocessing)({name: tf.constant(x) for name, x in odd.items()})
    assert set(by_numpy) == set(by_graph)
    for name, values in by_numpy.items():
        np.testing.assert_allclose(values, by_graph[name].numpy(), atol=1e-5)


def test_the_keras_file_trains_further(made: Any) -> None:
    import keras

    import suite.blocks.bags
    import suite.training.model  # noqa: F401

    model = keras.models.load_model(made.folder / "model.keras")
    core = mirror.load(made.card.preprocessing)(rows_of(made))
    y = made.dataset.y[made.dataset.rows["test"][:8]]
    before = [weights.copy() for weights in model.get_weights()]
    model.fit(core, y, verbose=0)
    assert any((old != new).any() for old, new in zip(before, model.get_weights(), strict=True))


def test_example_rows_have_every_split_and_class(made: Any) -> None:
    y = made.dataset.y
    for rows in made.dataset.rows.values():
        if truth.are_labels(y):
            assert y[rows].any(axis=0).all()
            assert not y[rows].all(axis=0).any()
        elif made.dataset.labels:
            assert set(y[rows]) == set(range(len(made.dataset.labels)))


@pytest.mark.parametrize("name", registry.names())
def test_a_domain_names_existing_reader_options(name: str) -> None:
    assert set(registry.get(name).data_options) <= set(vars(DataOptions()))


@pytest.mark.parametrize("name", every_model())
def test_a_domain_names_tasks_that_its_example_rows_ask_for(name: str) -> None:
    domain, dataset = registry.get(name.partition("-")[0]), example(name)
    assert domain.task_of(dataset) == (name.partition("-")[2] or domain.tasks[0])
    assert set(domain.tasks) <= set(tasks.names())


def test_answers_are_the_same_in_a_file_and_from_the_service(made: Any) -> None:
    answer = answers.of(made.card)
    outputs = select.load(made.folder, made.card, "tf").run(rows_of(made))
    rows = answer.rows(outputs[answer.output])
    assert [set(row) for row in rows] == [set(answer.columns())] * len(rows)
    for row, told in zip(rows, json.loads(answer.write(outputs)), strict=True):
        assert set(told) == set(answer.schema()["properties"])
        for name in set(row) & set(told):
            assert told[name] == (pytest.approx(row[name], rel=1e-5, abs=1e-6) if name in NUMBERS else row[name])
    broken = {answer.output: np.where(np.arange(len(rows))[:, None] == 1, np.nan, outputs[answer.output])}
    with pytest.raises(answers.NotFinite) as caught:
        answer.write(broken)
    assert caught.value.row == 1
