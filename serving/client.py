"""Asks a running service, from Python: connections are kept, what may be tried again is, tensors travel as bytes."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import urllib3

from serving.codecs import open_inference as v2
from suite.errors import SuiteError, UsageError

URL = "http://127.0.0.1:8501"
# Nothing was computed where these are answered: it may be asked again.
AGAIN = (502, 503)
BACKOFF = 0.1
CONNECTIONS = 32
JSON = "application/json"


class CallError(SuiteError):
    """The service refused, or could not be reached; `status` is 0 then."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Client:
    """A service at a URL; may be used by several threads at once.

    After `timeout` seconds nobody waits any longer, here and there. What a service that is busy or restarting refuses
    is asked again up to `retries` times, later and later, or when it says. Over TLS those certificates are trusted that
    this system trusts, or the `certificate` (a PEM file) alone.
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
            retries, backoff_factor=BACKOFF, status_forcelist=AGAIN, allowed_methods=None, raise_on_status=False
        )
        self._pool = urllib3.PoolManager(
            maxsize=CONNECTIONS, retries=retry, timeout=timeout, ssl_context=_trusting(certificate)
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
        """An answer for each instance, as JSON has them: pictures as nested lists, texts, rows as objects."""
        asked = {"model": model, "version": version, "instances": list(instances)}
        body = json.dumps({key: value for key, value in asked.items() if value is not None}).encode()
        answer = self.send("/predict", body, JSON)
        predictions: list[dict[str, Any]] = answer["predictions"]
        return predictions

    def infer(self, inputs: dict[str, np.ndarray], model: str, version: int | None = None) -> dict[str, np.ndarray]:
        """The model's outputs by name for whole arrays by input name (N, ...), both as bytes."""
        at = f"/v2/models/{model}" + (f"/versions/{version}" if version is not None else "")
        head, content = v2.encode_request(inputs)
        response = self._request("POST", f"{at}/infer", head + content, {v2.JSON_LENGTH: str(len(head))})
        return v2.decode_response(response.data, response.headers.get(v2.JSON_LENGTH))

    def models(self) -> list[dict[str, Any]]:
        """What is served."""
        found: list[dict[str, Any]] = json.loads(self._request("GET", "/models").data)["models"]
        return found

    def send(self, path: str, body: bytes, kind: str) -> dict[str, Any]:
        """Post a body of a media type; the JSON of the answer."""
        answer: dict[str, Any] = json.loads(self._request("POST", path, body, {"Content-Type": kind}).data)
        return answer

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
    """The same for asyncio; each question waits in a thread, so that many can be asked at once."""

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
        """As Client.predict."""
        return await asyncio.to_thread(self._client.predict, instances, model, version)

    async def infer(
        self, inputs: dict[str, np.ndarray], model: str, version: int | None = None
    ) -> dict[str, np.ndarray]:
        """As Client.infer."""
        return await asyncio.to_thread(self._client.infer, inputs, model, version)

    async def models(self) -> list[dict[str, Any]]:
        """As Client.models."""
        return await asyncio.to_thread(self._client.models)


def _trusting(certificate: Path | None) -> ssl.SSLContext:
    """UsageError for a file that holds no certificate."""
    try:
        return ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise UsageError(f"{certificate} holds no certificate ({error}): give a PEM file") from error


def _message(response: urllib3.BaseHTTPResponse) -> str:
    try:
        return str(json.loads(response.data)["error"])
    except (ValueError, KeyError, TypeError):
        return f"the answer was {response.status} {response.reason}"
