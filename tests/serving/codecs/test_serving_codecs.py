"""One codec for each kind of model."""

import json

import numpy as np
import pytest
from hostile_bodies import CARDS, LABELS, TENSORS, card, codec_of

from serving import codecs, signature
from serving.codecs.base import Limits
from serving.codecs.payload import Payload, parse, parse_members
from serving.deadline import NO_DEADLINE
from serving.errors import ServiceError
from serving.signature import Signature, Tensor
from suite.artifact import PROBABILITIES

PROBABLE = {PROBABILITIES: np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)}


@pytest.mark.parametrize("kind", [*CARDS, ""])
def test_a_model_has_the_codec_of_its_kind(kind: str) -> None:
    assert codec_of(kind, Limits()).kind == kind


def test_a_kind_that_nobody_knows_has_none() -> None:
    other = card("sound", CARDS["text"].inputs)
    with pytest.raises(KeyError, match="sound"):
        codecs.for_model(other, signature.of_card(other), Limits())


@pytest.mark.parametrize("kind", CARDS)
def test_what_a_model_does_not_take_is_refused(kind: str) -> None:
    codec = codec_of(kind, Limits())
    if kind != "image":
        with pytest.raises(ServiceError, match="takes no pictures"):
            codec.decode(Payload(files=[b""]), NO_DEADLINE)
    if kind == "image":
        with pytest.raises(ServiceError, match="takes no CSV"):
            codec.decode(Payload(table={"image": [""]}), NO_DEADLINE)


@pytest.mark.parametrize("kind", CARDS)
def test_probabilities_are_encoded_by_label(kind: str) -> None:
    first, second = json.loads(codec_of(kind, Limits()).encode(PROBABLE, 2))
    assert first == {"label": "yes", "score": 0.75, "probabilities": {"no": 0.25, "yes": 0.75}}
    assert second["label"] == LABELS[0]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.8])
def test_a_threshold_decides_what_is_flagged(threshold: float) -> None:
    detector = card("table", CARDS["table"].inputs)
    detector.threshold = threshold
    codec = codecs.for_model(detector, signature.of_card(detector), Limits())
    for found, row in zip(json.loads(codec.encode(PROBABLE, 2)), PROBABLE[PROBABILITIES], strict=True):
        assert (found["score"], found["threshold"]) == (row[1], threshold)
        assert found["flagged"] == (row[1] >= threshold) == (found["label"] == "yes")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [*CARDS, ""])
def test_an_answer_that_is_no_number_names_its_row(kind: str, value: float) -> None:
    outputs = {PROBABILITIES: np.array([[0.5, 0.5], [0.5, value]], np.float32)}
    with pytest.raises(ServiceError, match="instance 1: the model's answer is not a number") as raised:
        codec_of(kind, Limits()).encode(outputs, 2)
    assert raised.value.status == 422


def test_outputs_of_any_name_are_encoded_by_row() -> None:
    codec = codecs.for_model(None, TENSORS, Limits())
    assert codec.encode({"y": np.array([1.5, 2.5], np.float32)}, 2) == "[1.5,2.5]"
    two = {"a": np.array([b"x", b"\xff"], object), "b": np.array([[1], [2]])}
    assert json.loads(codec.encode(two, 2)) == [{"a": "x", "b": [1]}, {"a": {"b64": "/w=="}, "b": [2]}]
    with pytest.raises(ServiceError, match="not one row an instance"):
        codec.encode({"y": np.array(1.5)}, 1)


def test_only_pictures_that_are_decompressed_take_long() -> None:
    codec = codec_of("image", Limits())
    assert codec.is_slow(Payload(files=[b""]))
    assert codec.is_slow(parse(b'{"instances": ["", [[1]]]}', 10))
    assert codec.is_slow({"image": np.array([b""], object)})
    assert not codec.is_slow(parse(b'{"instances": [[[1]]]}', 10))
    assert not codec.is_slow({"image": np.zeros((1, 8, 8, 1), np.uint8)})
    assert not codec.is_slow(Payload(array=np.zeros((1, 8, 8, 1), np.uint8)))
    assert not codec_of("text", Limits()).is_slow(parse(b'{"instances": [""]}', 10))


@pytest.mark.parametrize(
    ("payload", "rows"),
    [
        (Payload(instances=["a", "b"]), 2),
        (Payload(files=[b"", b"", b""]), 3),
        (Payload(array=np.zeros((4, 2))), 4),
        (Payload(table={"a": ["1"], "b": ["2"]}), 1),
    ],
)
def test_a_payload_has_as_many_rows_as_answers_are_wanted(payload: Payload, rows: int) -> None:
    assert payload.rows == rows


COLUMN, MATRIX = Tensor("float32", (None, 1)), Tensor("float32", (None, 2, 2))


@pytest.mark.parametrize(
    ("tensor", "rows", "shape"),
    [(COLUMN, "[1.0, 2.0, 5.0]", (3,)), (COLUMN, "[[1], [2]]", (2, 1)), (COLUMN, "[[[1]]]", (1, 1, 1)),
     (MATRIX, "[[1, 2, 3, 4]]", (1, 4)), (MATRIX, "[[[1, 2], [3, 4]]]", (1, 2, 2)),
     (Tensor("float32", (None, None)), "[1, 2]", (2,))],
)  # fmt: skip
def test_the_graph_decides_where_as_many_numbers_are_nested_otherwise(
    tensor: Tensor, rows: str, shape: tuple[int, ...]
) -> None:
    codec = codecs.for_model(None, Signature({"x": tensor}, {}), Limits())
    payload = parse(f'{{"instances": {rows}}}'.encode(), 10)
    assert codec.decode(payload, NO_DEADLINE)["x"].shape == shape
    columns = parse_members(f'{{"inputs": {rows}}}'.encode(), "inputs", frozenset(("inputs",)))["inputs"]
    assert codec.decode_columns(columns, NO_DEADLINE)["x"].shape == shape


def test_inputs_without_rows_come_as_columns() -> None:
    signature = Signature({"x": COLUMN, "scale": Tensor("float32", ())}, {})
    codec = codecs.for_model(None, signature, Limits())
    columns = parse_members(b'{"inputs": {"scale": 2, "x": [[1], [3]]}}', "inputs", frozenset(("inputs",)))["inputs"]
    found = codec.decode_columns(columns, NO_DEADLINE)
    assert {key: x.shape for key, x in found.items()} == {"x": (2, 1), "scale": ()}
    with pytest.raises(ServiceError, match="takes one value for all rows"):
        codec.decode(parse(b'{"instances": [{"x": [1], "scale": 2}]}', 10), NO_DEADLINE)


def test_rows_are_bounded_before_they_are_decoded() -> None:
    few = Limits(rows=2, elements=7)
    with pytest.raises(ServiceError, match="3 instances in one request: send at most 2"):
        codec_of("table", few).decode_named({"amount": np.zeros(3)}, NO_DEADLINE)
    with pytest.raises(ServiceError, match="2 rows of 4 columns: send at most 1 rows"):
        codec_of("table", few).decode(Payload(instances=[{}, {}]), NO_DEADLINE)
    with pytest.raises(ServiceError, match="1 pictures of"):
        codec_of("image", few).decode(Payload(files=[b""]), NO_DEADLINE)
