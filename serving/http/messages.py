"""Requests and responses, independent of the server that reads and writes them."""

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
    """A complete request. Header names are in lower case; repeated headers are joined with commas.

    `path` is decoded, with bytes that are not UTF-8 as surrogates. `root_path` is the prefix under which a proxy serves
    the service. The server brings the `deadline` forward when the client disconnects.
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
    """A response. The server adds the headers Content-Length, Date and Connection."""

    body: bytes
    status: int = 200
    content_type: str = JSON
    headers: Headers = ()


def json_response(document: object, status: int = 200) -> Response:
    """Return a response with a JSON document."""
    return Response(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n", status)


def error_response(error: ServiceError) -> Response:
    """Return the response for an error."""
    body = json.dumps({"error": error.message}).encode() + b"\n"
    return Response(body, error.status, headers=tuple(error.headers.items()))


def status_line(status: int) -> str:
    """Return the status with its reason phrase, as in WSGI."""
    return f"{status} {PHRASES.get(status, 'Unknown')}"
