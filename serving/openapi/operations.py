"""Building blocks for the operations of all protocols."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from serving.models.loader import Model

Schema = dict[str, Any]
Operation = dict[str, Any]
# By path, then by method.
Paths = dict[str, dict[str, Operation]]

JSON = "application/json"
KEY = "key"
SECURITY = {"securitySchemes": {KEY: {"type": "http", "scheme": "bearer", "description": "of 'suite keys add'"}}}
ERRORS = {
    400: "the request is not as described here",
    401: "a key is needed",
    403: "the key is not for this model",
    404: "there is no such model, version or label",
    413: "the body, or what is in it, is too large",
    415: "the body is of another kind",
    422: "the model has no answer to these values",
    429: "the key asks too often",
    500: "the service failed; its log tells more under the id",
    503: "loading, not served with the reason, or too many wait",
    504: "the answer would have come too late (X-Request-Timeout-Ms)",
}
BASE_ERRORS, MODEL_ERRORS, KEY_ERRORS = (400, 500, 503, 504), (404, 413, 415, 422), (401, 429)
ID_HEADER = {"X-Request-Id": {"$ref": "#/components/headers/X-Request-Id"}}


@dataclass(frozen=True)
class Shown:
    """A version of a model to include in the document.

    `is_default` means that it answers requests that name no version, `is_only` that it also answers those that name no
    model.
    """

    model: Model
    is_default: bool
    is_only: bool
    max_rows: int

    def part(self, name: str) -> str:
        """Return the name of one of its schemas."""
        return f"{self.model.name}.{self.model.version}.{name}"

    def path(self, protocol: str) -> str:
        """Return its path in a protocol that names the model in the path."""
        base = f"/{protocol}/models/{self.model.name}"
        return base if self.is_default else f"{base}/versions/{self.model.version}"

    def rows(self, items: Schema) -> Schema:
        """Return the schema of a list with one item a row, of one to `max_rows` rows."""
        return {"type": "array", "items": items, "minItems": 1, "maxItems": self.max_rows}


def reference(schema: str) -> Schema:
    """Return a reference to a schema in the components."""
    return {"$ref": f"#/components/schemas/{schema}"}


def fields(properties: Mapping[str, Any], optional: Iterable[str] = (), others: bool = False) -> Schema:
    """Return the schema of an object; with `others`, further keys are ignored, else they are refused."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required, "additionalProperties": others}


def get(name: str, tag: str, summary: str, answer: Schema, errors: Iterable[int] = BASE_ERRORS) -> dict[str, Operation]:
    """Return a path with a GET operation only."""
    return {"get": _operation(name, tag, summary, {JSON: {"schema": answer}}, errors)}


def post(
    name: str, tag: str, summary: str, content: dict[str, Any], answer: dict[str, Any], **more: Any
) -> dict[str, Operation]:
    """Return a path with a POST operation only; `content` is the request's body by media type."""
    body = {"requestBody": {"required": True, "content": content}}
    return {"post": _operation(name, tag, summary, answer, (*BASE_ERRORS, *MODEL_ERRORS), **more, **body)}


def answered(schema: Schema) -> dict[str, Any]:
    """Return the content of a response in JSON."""
    return {JSON: {"schema": schema}}


def sent(schema: Schema, **examples: Any) -> dict[str, Any]:
    """Return the content of a request body in JSON, with examples by name."""
    return {JSON: {"schema": schema, "examples": {name: {"value": value} for name, value in examples.items()}}}


def _operation(
    name: str, tag: str, summary: str, content: dict[str, Any], errors: Iterable[int], **more: Any
) -> Operation:
    answers: dict[str, Any] = {"200": {"description": "the answer", "headers": ID_HEADER, "content": content}}
    answers |= {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(errors)}
    return {"operationId": name, "tags": [tag], "summary": summary, **more, "responses": answers}


def guarded(paths: Paths, is_open: Iterable[str]) -> Paths:
    """Mark all paths as needing a key, except those that are open to everybody."""
    for path in paths.keys() - set(is_open):
        for operation in paths[path].values():
            operation["security"] = [{KEY: []}]
            statuses = [*KEY_ERRORS, 403] if "requestBody" in operation else KEY_ERRORS
            operation["responses"] |= {str(one): {"$ref": f"#/components/responses/{one}"} for one in statuses}
    return paths


def error_responses() -> dict[str, Any]:
    """Return all error responses by status."""
    return {str(status): _error(status, words) for status, words in ERRORS.items()}


def _error(status: int, words: str) -> dict[str, Any]:
    headers: dict[str, Any] = dict(ID_HEADER)
    if status in (429, HTTPStatus.SERVICE_UNAVAILABLE):
        headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = {"$ref": "#/components/headers/WWW-Authenticate"}
    return {"description": words, "headers": headers, "content": answered(reference("Error"))}
