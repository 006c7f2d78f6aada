"""A Python client of a running service. It reuses connections, retries, and sends tensors as bytes."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote

import numpy as np
import urllib3

from serving.codecs import open_inference as v2
from serving.codecs.responses import UNUSED_COLUMNS
from suite.errors import SuiteError, UsageError

URL = "http://127.0.0.1:8501"
# Statuses to retry after: with these nothing was computed.
RETRY_ON = (502, 503)
BACKOFF = 0.1
CONNECTIONS = 32
JSON = "application/json"


class CallError(SuiteError):
    """The service answered with an error `status`, or could not be reached (status 0)."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """A client of the service at a URL. Several threads may use it at once.

    A request fails after `timeout` seconds; the service gets the same deadline. If the service is busy or restarting, a
    request is repeated up to `retries` times, with growing pauses or after the time that the service asks for. For TLS,
    the client trusts the system's certificates, or only `certificate` (a PEM file) if that is given.
    """

    def __init__(
        self, url: str = URL, *, timeout: float = 30.0, retries: int = 3, api_key: str | None = None,
        certificate: Path | None = None,
    ) -> None:  # fmt: skip
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"'{url}' is no URL of a service: write it as {URL}")
        self._url = url.rstrip("/")
        self._headers = {"X-Request-Timeout-Ms": str(int(1000 * timeout))}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"
        retry = urllib3.Retry(
            retries, backoff_factor=BACKOFF, status_forcelist=RETRY_ON, allowed_methods=None, raise_on_status=False
        )
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS, retries=retry, timeout=timeout, ssl_context=_ssl_context(certificate)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def predict(
        self, instances: Sequence[Any], model: str | None = None, version: int | None = None
    ) -> list[dict[str, Any]]:
        """Return a prediction for each instance. Pictures are nested lists, texts are str, rows of tables are dicts."""
        asked = {"model": model, "version": version, "instances": list(instances)}
        body = json.dumps({key: value for key, value in asked.items() if value is not None}).encode()
        answer = self.send("/predict", body, JSON)
        predictions: list[dict[str, Any]] = answer["predictions"]
        return predictions

    def infer(self, inputs: dict[str, np.ndarray], model: str, version: int | None = None) -> dict[str, np.ndarray]:
        """Return the model's outputs by name for arrays (N, ...) by input name; both are transferred as bytes."""
        at = f"/v2/models/{model}" + (f"/versions/{version}" if version is not None else "")
        head, content = v2.encode_request(inputs)
        response = self._request("POST", f"{at}/infer", head + content, {v2.JSON_LENGTH: str(len(head))})
        return v2.decode_response(response.data, response.headers.get(v2.JSON_LENGTH))

    def models(self) -> list[dict[str, Any]]:
        """Return a description of each model."""
        found: list[dict[str, Any]] = json.loads(self._request("GET", "/models").data)["models"]
        return found

    def send(self, path: str, body: bytes, kind: str) -> dict[str, Any]:
        """Post a body of the media type `kind`, and return the JSON of the response.

        Columns that the model does not use are its `unused_columns`, if there are any.
        """
        response = self._request("POST", path, body, {"Content-Type": kind})
        answer: dict[str, Any] = json.loads(response.data)
        unused = response.headers.get(UNUSED_COLUMNS)
        return answer | {"unused_columns": [unquote(name) for name in unused.split(", ")]} if unused else answer

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        try:
            response = self._pool.request(
                method, self._url + path, body=body, headers={**self._headers, **(headers or {})}
            )
        except urllib3.exceptions.HTTPError as error:
            reason = getattr(error, "reason", None) or error
            if isinstance(reason, urllib3.exceptions.SSLError):
                raise CallError(
                    f"no TLS with {self._url} ({reason}): trust its certificate (suite call --certificate), or ask http://"
                ) from error
            raise CallError(f"no service answers at {self._url} ({reason}): start one with 'suite serve'") from error
        if response.status >= 400:
            raise CallError(_message(response), response.status)
        return response


class AsyncClient:
    """A client for asyncio. Each request waits in a thread, so that many can be under way at once."""

    def __init__(self, url: str = URL, **options: Any) -> None:
        self._client = Client(url, **options)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    async def predict(
        self, instances: Sequence[Any], model: str | None = None, version: int | None = None
    ) -> list[dict[str, Any]]:
        """Like Client.predict."""
        return await asyncio.to_thread(self._client.predict, instances, model, version)

    async def infer(
        self, inputs: dict[str, np.ndarray], model: str, version: int | None = None
    ) -> dict[str, np.ndarray]:
        """Like Client.infer."""
        return await asyncio.to_thread(self._client.infer, inputs, model, version)

    async def models(self) -> list[dict[str, Any]]:
        """Like Client.models."""
        return await asyncio.to_thread(self._client.models)


def _ssl_context(certificate: Path | None) -> ssl.SSLContext:
    """Return an SSL context that trusts a certificate; raise UsageError if the file holds none."""
    try:
        return ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise UsageError(f"{certificate} holds no certificate ({error}): give a PEM file") from error


def _message(response: urllib3.BaseHTTPResponse) -> str:
    try:
        return str(json.loads(response.data)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the answer was {response.status} {response.reason}"
