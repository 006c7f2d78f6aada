"""Operations of TensorFlow Serving's REST interface for one model."""

from typing import Any

from serving.codecs.classify_regress import takes_examples
from serving.models.loader import Model
from serving.openapi import examples
from serving.openapi.instances import cell, element, nested, row_shape, written
from serving.openapi.operations import BASE_ERRORS, Paths, Schema, Shown, answered, fields, get, post, reference, sent
from suite import answers

STATUS = fields({"model_version_status": {"type": "array", "items": reference("Version")}})
METADATA = fields({"model_spec": {"type": "object"}, "metadata": {"type": "object"}})
ERRORS = (*BASE_ERRORS, 404)


def paths(shown: Shown) -> Paths:
    """Return the paths of a model, without those that it cannot answer."""
    path = shown.path("v1")
    return {
        path: get(shown.part("status"), shown.model.name, "The versions that are served", STATUS, ERRORS),
        f"{path}/metadata": get(shown.part("signature"), shown.model.name, "The signature", METADATA, ERRORS),
        f"{path}:predict": _predict(shown),
        **({f"{path}:classify": _classify(shown)} if shown.model.card and shown.model.card.labels else {}),
        **({f"{path}:regress": _regress(shown)} if _is_regressor(shown) else {}),
    }


def _predict(shown: Shown) -> dict[str, Any]:
    by_row = {"instances": shown.rows(reference(shown.part("instance"))), "inputs": False}
    by_column = {"inputs": _columns(shown), "instances": False}
    answers = [fields({"predictions": _rows(reference(shown.part("output")))}), fields({"outputs": _outputs(shown)})]
    found, named = examples.instance(shown.model), examples.named(shown.model)
    bodies: dict[str, Any] = {}
    if found is not None and named is not None and shown.model.has_default_signature:
        bodies = {
            "rows": {"instances": [found]},
            "columns": {"inputs": {key: [value] for key, value in named.items()}},
        }
    body = sent({"oneOf": [_body(shown, by_row, "inputs"), _body(shown, by_column, "instances")]}, **bodies)
    words = f"Predictions, row by row or column by column{_others(shown.model)}"
    return post(shown.part("predict"), shown.model.name, words, body, answered({"oneOf": answers}))


def _body(shown: Shown, properties: dict[str, Any], *optional: str) -> Schema:
    """Return the schema of a request body with these properties; further keys are ignored."""
    model = shown.model
    name = next(name for name, one in model.batchers.items() if one is model.batcher)
    if not model.has_default_signature:
        return fields({"signature_name": {"const": name}, **properties}, optional, others=True)
    names = {"enum": [name, "", None]}
    return fields({"signature_name": names, **properties}, ["signature_name", *optional], others=True)


def _others(model: Model) -> str:
    """Mention the signatures that the document does not describe."""
    names = [name for name, one in model.batchers.items() if one is not model.batcher]
    return f" (of this signature; others, as signature_name: {', '.join(names)})" if names else ""


def _columns(shown: Shown) -> Schema:
    """Return the schema of `inputs`: columns by name with equally many rows, or the column of the only input."""
    card = shown.model.card
    if card and shown.model.kind == "table":
        columns = {spec.name: shown.rows(cell(spec)) for spec in card.inputs}
        return fields(columns, optional=columns) | {"minProperties": 1}
    inputs = shown.model.signature.inputs
    whole = {
        name: shown.rows(reference(shown.part("instance")) if card else nested(row_shape(x), element(x.dtype)))
        for name, x in inputs.items()
    }
    return {"anyOf": [*whole.values(), fields(whole)]} if len(whole) == 1 else fields(whole)


def _outputs(shown: Shown) -> Schema:
    outputs = {name: _rows(nested(row_shape(x), written(x.dtype))) for name, x in shown.model.signature.outputs.items()}
    return next(iter(outputs.values())) if len(outputs) == 1 else fields(outputs)


def _rows(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def _classify(shown: Shown) -> dict[str, Any]:
    assert shown.model.card
    one = {"anyOf": [{"enum": shown.model.card.labels}, {"type": "number"}]}
    pair = {"type": "array", "items": one, "minItems": 2, "maxItems": 2, "description": "a label and its score"}
    return _examples(shown, "classify", "The score of every label", _rows(_rows(pair)))


def _regress(shown: Shown) -> dict[str, Any]:
    words = "A number a row; of two labels, how likely the second is"
    return _examples(shown, "regress", words, _rows({"type": "number"}))


def _examples(shown: Shown, name: str, words: str, results: Schema) -> dict[str, Any]:
    properties = {"examples": shown.rows(reference(shown.part("instance")))}
    found = examples.instance(shown.model)
    bodies = {} if found is None else {"one": {"examples": [found]}}
    if shown.model.kind == "table":
        instance = reference(shown.part("instance"))
        properties["context"] = {"anyOf": [instance, {"type": "null"}], "description": "is in all examples"}
    body = sent(_body(shown, properties, "context"), **bodies)
    return post(shown.part(name), shown.model.name, words, body, answered(fields({"results": results})))


def _is_regressor(shown: Shown) -> bool:
    """Return whether the model's first output is one number a row."""
    if shown.model.card:
        return answers.of(shown.model.card).is_number
    if takes_examples(shown.model.signature) or not shown.model.has_default_signature:
        # Only the graph knows which features its examples need.
        return False
    first = next(iter(shown.model.signature.outputs.values()))
    return first.dtype.startswith("float") and first.shape is not None and first.shape[1:] in ((), (1,))
