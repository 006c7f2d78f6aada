"""POST /predict, one route for all models."""

import csv
import io
from typing import Any

from serving.http.body import CSV, NPY, PICTURES, TEXT, UPLOAD
from serving.openapi import examples
from serving.openapi.operations import JSON, Paths, Schema, Shown, answered, fields, post, reference
from suite import answers

TAG = "predict"
FILE = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
ABOUT = """The body says what is asked of which model. A body that is the value itself has the model in the URL: a
picture for a model of pictures, `text/plain` for one of texts, `text/csv` (column names in the first line) for one of
texts or of a table, `application/x-npy` (as `numpy.save` writes it, rows first) for any with one input."""


def paths(shown: list[Shown]) -> Paths:
    """Return the route for all models."""
    if not shown:
        return {}
    content = _json(shown) | _form(shown) | _raw(shown)
    answer = answered(_any([reference(one.part("answer")) for one in shown]))
    return {
        "/predict": post(
            "predict", TAG, "Predictions", content, answer, parameters=_parameters(shown), description=ABOUT
        )
    }


def schemas(shown: Shown) -> dict[str, Schema]:
    """Return the request and response schemas of this route for one version."""
    properties = {"model": _name(shown), "version": _version(shown), "instances": shown.rows(_instance(shown))}
    optional = [name for name, left_out in (("model", shown.is_only), ("version", shown.is_default)) if left_out]
    return {shown.part("request"): fields(properties, optional), shown.part("answer"): _answer(shown)}


def _instance(shown: Shown) -> Schema:
    return reference(shown.part("instance"))


def _name(shown: Shown) -> Schema:
    return {"enum": [shown.model.name, None]} if shown.is_only else {"const": shown.model.name}


def _version(shown: Shown) -> Schema:
    number = shown.model.version
    return {"enum": [number, None]} if shown.is_default else {"const": number}


def _answer(shown: Shown) -> Schema:
    model = shown.model
    return fields({
        "model": {"const": model.name},
        "version": {"const": model.version},
        "engine": {"const": model.engine},
        "milliseconds": {"type": "number", "minimum": 0},
        "predictions": {"type": "array", "items": _prediction(shown)},
    })  # fmt: skip


def _prediction(shown: Shown) -> Schema:
    card = shown.model.card
    return reference(shown.part("output")) if card is None else answers.of(card).schema()


def _json(shown: list[Shown]) -> dict[str, Any]:
    bodies = {}
    for one in shown:
        found, version = examples.instance(one.model), {} if one.is_default else {"version": one.model.version}
        if found is not None:
            value = {"model": one.model.name, **version, "instances": [found]}
            bodies[one.part("request")] = {"summary": one.model.name, "value": value}
    return {JSON: {"schema": _any([reference(one.part("request")) for one in shown]), "examples": bodies}}


def _form(shown: list[Shown]) -> dict[str, Any]:
    names = _names(shown, "image")
    if not names:
        return {}
    properties = {
        "file": shown[0].rows(FILE | {"format": "picture"}),
        "model": {"enum": names},
        "version": {"enum": _versions(shown)},
    }
    optional = ["version", *(["model"] if len(names) == 1 else [])]
    return {UPLOAD: {"schema": fields(properties, optional)}}


def _raw(shown: list[Shown]) -> dict[str, Any]:
    """Return the request bodies that are a raw value, of the media types that some model accepts."""
    content: dict[str, Any] = {NPY[0]: {"schema": FILE}}
    if _names(shown, "image"):
        content |= {kind: {"schema": FILE} for kind in PICTURES}
    cards = {one.model.kind: one.model.card for one in shown if one.model.card}
    if "text" in cards:
        content[TEXT] = {"schema": {"type": "string"}, "example": examples.SENTENCE}
    for kind in ("text", "table"):
        if kind in cards:
            rows = examples.by_column(cards[kind], kind)
            content[CSV] = {"schema": {"type": "string", "format": "csv"}, "example": _csv(rows)}
    return content


def _parameters(shown: list[Shown]) -> list[dict[str, Any]]:
    """Return the query parameters, for bodies that cannot name the model themselves."""
    name: Schema = {"type": "string", "enum": sorted({one.model.name for one in shown})}
    version: Schema = {"type": "integer", "enum": _versions(shown)}
    strict: Schema = {"type": "boolean", "description": "Whether columns that the model does not use are refused."}
    given = (("model", name), ("version", version), ("strict", strict))
    return [{"name": key, "in": "query", "schema": one} for key, one in given]


def _versions(shown: list[Shown]) -> list[int]:
    return sorted({one.model.version for one in shown})


def _names(shown: list[Shown], kind: str) -> list[str]:
    return sorted({one.model.name for one in shown if one.model.kind == kind})


def _any(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}


def _csv(row: dict[str, Any]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(row))
    writer.writeheader()
    writer.writerow(row)
    return file.getvalue()
