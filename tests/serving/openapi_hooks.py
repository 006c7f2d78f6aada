"""Hooks for what schemathesis cannot derive from the document: real files of pictures and tables, equal row counts."""

import base64
import io
import math
from typing import Any

import numpy as np
import schemathesis
import serving_models as make
from hypothesis import strategies as st
from PIL import Image
from schemathesis.generation import GenerationMode

KINDS = ("png", "jpeg", "gif", "bmp", "webp")
# The model for each media type of a raw body.
TAKES = {
    **{f"image/{kind}": "digits" for kind in KINDS},
    "application/x-npy": "digits",
    "text/plain": "reviews",
    "text/csv": "payments",
}


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    shades = np.arange(make.SIDE**2, dtype=np.uint8).reshape(make.SIDE, make.SIDE)
    Image.fromarray(shades).save(file, kind)
    return file.getvalue()


def array(rows: int) -> bytes:
    file = io.BytesIO()
    np.save(file, np.zeros((rows, make.SIDE, make.SIDE, 1), np.uint8))
    return file.getvalue()


def table(amounts: list[int]) -> str:
    return "\n".join(["amount,country", *(f"{amount},de" for amount in amounts)])


pictures = st.sampled_from(KINDS).map(picture)
FILES = [base64.b64encode(picture(kind)).decode() for kind in KINDS]
for kind in KINDS:
    schemathesis.openapi.media_type(f"image/{kind}", st.just(picture(kind)))
schemathesis.openapi.media_type("application/x-npy", st.integers(1, 3).map(array))
schemathesis.openapi.format("csv", st.lists(st.integers(), min_size=1, max_size=3).map(table))
schemathesis.openapi.format("picture", pictures)
schemathesis.openapi.format("base64-picture", st.sampled_from(FILES))
schemathesis.openapi.format("base64-text", st.text().map(lambda text: base64.b64encode(text.encode()).decode()))


@schemathesis.serializer("text/csv")
def as_it_is(context: schemathesis.SerializationContext, value: Any) -> bytes:
    return str(value).encode()


@schemathesis.hook
def map_case(context: schemathesis.HookContext, case: schemathesis.Case) -> schemathesis.Case:
    """Complete a valid request so that the service must answer it; an invalid one stays invalid."""
    if case.path == "/predict" and isinstance(case.body, dict) and case.body.get("model") is None:
        case.query.pop("model", None)
    if case.meta and case.meta.generation.mode != GenerationMode.POSITIVE:
        return case
    if case.media_type in TAKES:
        case.query["model"] = TAKES[case.media_type]
    elif case.path == "/predict" and isinstance(case.body, dict):
        case.query = {key: case.body[key] for key in case.query if case.body.get(key) is not None}
        if case.body.get("model") in ("digits", "colours") and case.media_type == "application/json":
            case.body = case.body | {"instances": [picture_of(one) for one in case.body["instances"]]}
    elif case.path.endswith(":predict"):
        case.body = columns_alike(case.body)
    elif case.path.endswith("/infer"):
        case.body = outputs_once(rows_as_said(case.body))
    return case


@schemathesis.hook
def before_add_examples(context: schemathesis.HookContext, examples: list[schemathesis.Case]) -> None:
    """Send each example of the document to the model that accepts it."""
    for case in examples:
        map_case(context, case)


def picture_of(instance: Any) -> Any:
    """Return an example for another model, which only the `format` of the schema makes invalid here."""
    return FILES[0] if isinstance(instance, str) and instance not in FILES else instance


def columns_alike(body: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a body, all cut to the length of the shortest."""
    columns = body.get("inputs")
    if isinstance(columns, dict):
        rows = min(map(len, columns.values()))
        return body | {"inputs": {name: column[:rows] for name, column in columns.items()}}
    return body


def outputs_once(body: dict[str, Any]) -> dict[str, Any]:
    """Return a body that asks for each output once, which a schema of lists cannot say."""
    if not body.get("outputs"):
        return body
    return body | {"outputs": [*{output["name"]: output for output in body["outputs"]}.values()]}


def rows_as_said(body: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors of a body, all cut to the rows of the shortest, with matching shapes."""
    counted = []
    for tensor in body["inputs"]:
        size = math.prod(tensor["shape"][1:])
        nested = size > 1 and isinstance(tensor["data"][0], list)
        counted.append((tensor, 1 if nested or len(tensor["shape"]) == 1 else size))
    rows = min(len(tensor["data"]) // size for tensor, size in counted)
    inputs = [
        tensor | {"shape": [rows, *tensor["shape"][1:]], "data": tensor["data"][: rows * size]}
        for tensor, size in counted
    ]
    return body | {"inputs": inputs}
