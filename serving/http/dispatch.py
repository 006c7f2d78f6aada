"""Predictions, past Flask: what it does around a view takes longer than a small model takes to answer.

`make bench-serving` measures the rest of the application beside them.
"""

import re
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from serving import errors
from serving.errors import ROUTE, ServiceError
from serving.http import content_encoding as content
from serving.http.middleware import Observing, Watched
from serving.inference import Core
from serving.scheduling.operations import Step, carry_out

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

JSON = "application/json"
POST = "POST"


class Reply(NamedTuple):
    """An answer of status 200."""

    body: bytes
    kind: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


View = Callable[..., Coroutine[Step, None, Reply]]


class Direct:
    """The application, with views that are asked before it.

    `views` are pairs of a path's pattern and a function of the core, the request's environment and the pattern's
    groups. They answer POST and nothing else.
    """

    def __init__(
        self, application: "WSGIApplication", core: Core, observing: Observing, views: Iterable[tuple[str, View]]
    ) -> None:
        self._application, self._core, self._observing = application, core, observing
        self._views = [(re.compile(pattern).fullmatch, view) for pattern, view in views]

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answering = self.answering(environ)
        if answering is None:
            with self._observing.watch(environ) as watched:
                if watched.refusal is None:
                    return self._application(environ, watched.starting(start_response))
                status, headers, body = watched.answered(errors.answer(watched.refusal))
        else:
            status, headers, body = carry_out(answering)
        start_response(status, headers)
        return [body]

    def crowded(self, ahead: int) -> ServiceError | None:
        """Why what has so many before it is not begun, if it is not."""
        return self._observing.crowded(ahead)

    def answering(self, environ: "WSGIEnvironment") -> Coroutine[Step, None, errors.Answer] | None:
        """The answer to be carried out, where a view has one."""
        path = environ["PATH_INFO"]
        for matching, view in self._views:
            found = matching(path)
            if found:
                environ[ROUTE] = found
                return self._answer(environ, view, found.groupdict())
        return None

    async def _answer(self, environ: "WSGIEnvironment", view: View, found: dict[str, Any]) -> errors.Answer:
        with self._observing.watch(environ) as watched:
            return watched.answered(await self._found(environ, view, found, watched))

    async def _found(
        self, environ: "WSGIEnvironment", view: View, found: dict[str, Any], watched: Watched
    ) -> errors.Answer:
        if watched.refusal:
            return errors.answer(watched.refusal)
        try:
            if environ["REQUEST_METHOD"] != POST:
                raise errors.not_allowed(environ, POST)
            reply = await view(self._core, environ, **found)
        except ServiceError as error:
            errors.take_rest(environ, self._core.config.max_body)
            return errors.answer(error)
        except Exception as error:
            return errors.answer(errors.unexpected(environ, error))
        body, headers = content.compressed(reply.body, environ.get("HTTP_ACCEPT_ENCODING", ""))
        return (
            "200 OK",
            [("Content-Type", reply.kind), ("Content-Length", str(len(body))), *headers, *reply.headers],
            body,
        )
