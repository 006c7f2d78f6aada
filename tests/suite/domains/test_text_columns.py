"""Columns of free text in tables: found, read by bags of tokens, and exported."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from suite import domain as registry
from suite.blocks.types import Head
from suite.data import tables
from suite.data.column import Column
from suite.data.dataset import Dataset
from suite.data.options import DataOptions

WORDS = ["late", "broken", "refund", "please", "thanks", "great", "box", "colour", "size", "wrong"]


def kind_of(values: list[Any]) -> str:
    import pyarrow as pa

    column = Column("x")
    column.add(pa.array(values))
    return column.kind


@pytest.mark.parametrize(
    ("kind", "write"),
    [
        ("text", lambda i: f"{WORDS[i % 10]} {WORDS[i % 7]} {WORDS[i % 3]} {i}"),
        ("text", lambda i: f"我爱北京天安门{chr(0x4E00 + i)}"),
        ("identifier", lambda i: f"Name{i} Surname{i}"),
        ("identifier", lambda i: f"{i:08x}-{i:04x}-4f6e-8c1d-{i:012x}"),
        ("identifier", lambda i: f"{i} 12 4567 89{i}"),
        ("identifier", lambda i: f"https://example.com/some/long/path/to/page/{i}"),
        ("categorical", lambda i: f"we are out of {WORDS[i % 10]}"),
    ],
)
def test_text_has_several_words_and_mostly_distinct_values(kind: str, write: Any) -> None:
    assert kind_of([write(i) for i in range(60)]) == kind
    assert kind_of([write(i) if i % 2 else None for i in range(130)]) == kind


@pytest.fixture
def tickets(tmp_path: Path) -> Dataset:
    lines = ["id,price,shop,note,reply,label"]
    for i in range(80):
        note = "" if i % 9 == 4 else f"{WORDS[i % 10]} {WORDS[i * 3 % 7]}, order {i}!"
        lines.append(
            f'A{i:05},{i * 7 % 31}.5,{"ab"[i % 2]},"{note}","we {WORDS[i % 4]} it {i}",{"yes" if i % 3 else "no"}'
        )
    path = tmp_path / "tickets.csv"
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return tables.read_any(path, DataOptions())


def test_text_columns_are_told_and_are_inputs(tickets: Dataset) -> None:
    assert "text columns: note, reply" in tickets.detected
    assert "identifier columns dropped: id" in tickets.detected
    assert [(spec.name, spec.kind, spec.dtype) for spec in tickets.specs] == [
        ("price", "numeric", "float32"), ("shop", "categorical", "string"), ("note", "text", "string"),
        ("reply", "text", "string"),
    ]  # fmt: skip
    assert (tickets.inputs["note"] == "").sum() == 9


def built(tickets: Dataset, preprocessing: dict[str, Any], **values: Any) -> Any:
    from keras_tuner import HyperParameters

    from suite.blocks import heads

    hp = HyperParameters()
    hp.values.update(values)
    model = registry.get("table").build(hp, preprocessing, Head(partial(heads.classification, classes=2)))
    assert {"texts/units", "texts/dropout"} <= set(hp.values)
    return model


def test_engines_agree_on_tables_with_texts(tmp_path: Path, tickets: Dataset) -> None:
    import keras

    from suite.training.export import export

    domain = registry.get("table")
    preprocessing = domain.adapt(tickets)
    keras.utils.set_random_seed(0)
    model = built(tickets, preprocessing, **{"mlp/members": 4})
    cases = domain.edge_cases(tickets)
    checks = {name: np.concatenate([values, cases[name]]) for name, values in tickets.inputs.items()}
    engines, notes = export(tmp_path, model, preprocessing, tickets.specs, checks)
    assert notes == []
    assert engines["litert"]["max_abs_diff"] < 1e-5
    assert engines["tf"]["rows_checked"] == 83


def test_texts_are_one_more_column_for_a_transformer(tickets: Dataset) -> None:
    model = built(tickets, registry.get("table").adapt(tickets), trunk="transformer")
    assert model.get_layer("columns_join").output.shape[1:] == (3, 32)


def test_without_a_text_the_vector_of_texts_is_zero(tickets: Dataset) -> None:
    import keras

    from suite.preprocessing import mirror

    preprocessing = registry.get("table").adapt(tickets)
    model = built(tickets, preprocessing)
    texts = keras.Model(model.inputs, model.get_layer("texts_join").output)
    empty = {name: np.full(2, "", object) for name in ("shop", "note", "reply")} | {"price": np.zeros(2, np.float32)}
    core = mirror.load(preprocessing)(empty)
    assert not np.asarray(texts([core[tensor.name] for tensor in model.inputs])).any()
