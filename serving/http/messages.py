"""Requests and responses, whatever server reads and writes them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from serving.deadline import Deadline
from serving.errors import ServiceError

JSON = "application/json"
PHRASES = {status.value: status.phrase for status in HTTPStatus} | {499: "Client Closed Request"}
Headers = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Request:
    """A whole request. Names of headers are in lower case; a header that was sent several times is one, with commas.

    `path` is decoded; bytes that are no UTF-8 are kept as surrogates. `root_path` is where a proxy serves the service.
    The server brings the `deadline` forward when the client leaves.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    scheme: str = "http"
    client: str = ""
    root_path: str = ""
    deadline: Deadline = field(default_factory=Deadline)


@dataclass(slots=True)
class Response:
    """An answer. Its length, its date and whether the connection stays are added by the server."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Headers = ()


def json_response(document: object, status: int = 200) -> Response:
    """A response with a JSON document."""
    return Response(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n", status)


def error_response(error: ServiceError) -> Response:
    """What an error is answered with."""
    body = json.dumps({"error": error.message}).encode() + b"\n"
    return Response(body, error.status, headers=tuple(error.headers.items()))


def status_line(status: int) -> str:
    """The status and its phrase, as WSGI has them."""
    return f"{status} {PHRASES.get(status, 'Unknown')}"
