"""Health checks and metrics."""

import os
from typing import Any

from flask import Blueprint, Response

from serving.context import MayAsk, RequestContext
from serving.http import messages
from serving.http.dispatch import Route
from serving.http.messages import Request, json_response
from serving.inference import InferenceService
from serving.models.catalogue import EMPTY
from serving.models.loader import FAILED, LOADING, READY
from serving.routes import may_ask, service

views = Blueprint("health", __name__)

STOPPING = "stopping"
WHY_NOT = {
    LOADING: "models are still loading: ask again in a moment",
    FAILED: "no model can be served: GET /models says why",
    STOPPING: "this process is about to end: ask again",
    EMPTY: "the store holds no model: save one with 'suite fit'",
}


def routes(service: InferenceService) -> list[Route]:
    """Return the routes that the event loop answers, however busy the threads are."""

    async def healthz(request: Request, context: RequestContext) -> messages.Response:
        return json_response({"state": "alive"})

    async def readyz(request: Request, context: RequestContext) -> messages.Response:
        return json_response(*readiness(service, context.may_ask))

    return [Route("GET", "/healthz", healthz), Route("GET", "/readyz", readyz)]


def readiness(service: InferenceService, may_ask: MayAsk) -> tuple[dict[str, Any], int]:
    """Return the state of the worker and of each model that the key allows, and the status code of the response."""
    state = STOPPING if service.is_stopping else service.repository.state
    models = {f"{one.name}/{one.version}": one.reason or one.state for one in service.repository.models(may_ask)}
    workers = service.metrics.ready()
    answer: dict[str, Any] = {"state": state, "worker": os.getpid(), "workers_ready": workers, "models": models}
    if state == READY:
        return answer, 200
    failed = "; ".join(f"{name}: {reason}" for name, reason in models.items()) if state == FAILED else ""
    return answer | {"error": f"{WHY_NOT[state]}{f' ({failed})' if failed else ''}"}, 503


@views.get("/metrics")
def metrics() -> Response:
    """Return the metrics of all workers, for Prometheus; those by model only for models that the key allows."""
    return Response(service().metrics.text(may_ask()), content_type="text/plain; version=0.0.4; charset=utf-8")
