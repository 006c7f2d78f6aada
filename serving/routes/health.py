"""Health of the service, and a description of its models."""

import os
from typing import Any

from flask import Blueprint, Response

from serving import context as arrival
from serving.inference import Core
from serving.models.catalogue import EMPTY, MayAsk, everyone
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.routes import may_ask, service

routes = Blueprint("ops", __name__)

STOPPING = "stopping"
WHY_NOT = {
    LOADING: "models are still loading: ask again in a moment",
    FAILED: "no model can be served: GET /models says why",
    STOPPING: "this process is about to end: ask again",
    EMPTY: "the store holds no model: save one with 'suite fit'",
}


@routes.get("/")
def index() -> dict[str, Any]:
    """List the routes."""
    return {
        "routes": {
            "POST /predict": 'JSON {"model", "version", "instances": [...]}, or pictures uploaded as a form',
            "GET /docs": "what can be asked of each model, to read and to try",
            "GET /openapi.json": "the same as an OpenAPI document",
            "GET /models": "the models: state, inputs, labels",
            "GET /healthz": "200 while the process answers",
            "GET /metrics": "for Prometheus",
            "GET /readyz": "200 once every model was tried and at least one can be asked",
            "POST /v1/models/NAME:predict": "as TensorFlow Serving: also :classify, :regress, /versions/N, /labels/L",
            "POST /v2/repository/index": "what is in the store, as the Open Inference Protocol has it",
            "GET /v2/models/NAME/config": "its tensors and batches, as Triton has them; /stats: what was asked of it",
            "POST /v2/models/NAME/infer": "the Open Inference Protocol, with tensors as JSON or as bytes",
        }
    }


@routes.get("/healthz")
def healthz() -> dict[str, str]:
    return {"state": "alive"}


@routes.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    return readiness(service(), may_ask())


def readiness(core: Core, may_ask: MayAsk = everyone) -> tuple[dict[str, Any], int]:
    """The state of the worker and of each model that may be asked, and the status code of the answer."""
    state = STOPPING if arrival.is_stopping() else core.repository.state
    models = {f"{one.name}/{one.version}": one.reason or one.state for one in core.repository.models(may_ask)}
    workers = core.metrics.ready()
    answer: dict[str, Any] = {"state": state, "worker": os.getpid(), "workers_ready": workers, "models": models}
    if state == READY:
        return answer, 200
    failed = "; ".join(f"{name}: {reason}" for name, reason in models.items()) if state == FAILED else ""
    return answer | {"error": f"{WHY_NOT[state]}{f' ({failed})' if failed else ''}"}, 503


@routes.get("/metrics")
def metrics() -> Response:
    """The metrics of all workers, for Prometheus."""
    return Response(service().metrics.text(), content_type="text/plain; version=0.0.4; charset=utf-8")


@routes.get("/models")
def models() -> dict[str, Any]:
    """Describe every version that was loaded or tried, and name the folders that were passed over."""
    repository = service().repository
    passed_over = [{"folder": one.folder, "reason": one.reason} for one in repository.passed_over(may_ask())]
    return {"models": [_describe(model) for model in repository.models(may_ask())], "passed_over": passed_over}


def _describe(model: Model) -> dict[str, Any]:
    known: dict[str, Any] = {"name": model.name, "version": model.version, "state": model.state}
    if model.reason:
        known["reason"] = model.reason
    repository, shadow = service().repository, service().shadow
    known["answers"] = repository.answers(model)
    known["labels_of_version"] = repository.labels(model.name, model.version)
    if (model.name, model.version) in shadow.counts:
        known["shadow"] = dict(shadow.counts[model.name, model.version])
    if model.engine:
        known["engine"] = model.engine
    for name in ("measured", "passed_over"):
        if getattr(model, name):
            known[name] = getattr(model, name)
    if model.settings.given():
        known["settings"] = model.settings.given()
    complaints = {
        "settings_complaint": repository.complaint(model),
        "labels_complaint": repository.labels_complaint(model.name),
        "files_complaint": model.files_complaint,
    }
    known |= {key: complaint for key, complaint in complaints.items() if complaint}
    if model.card:
        card = model.card
        known |= {
            "domain": card.domain,
            "inputs": [{key: getattr(spec, key) for key in ("name", "kind", "dtype", "shape")} for spec in card.inputs],
            "outputs": [{key: getattr(spec, key) for key in ("name", "dtype", "shape")} for spec in card.outputs],
            "labels": card.labels,
            "threshold": card.threshold,
            "notes": card.notes,
        }
    else:
        known |= {
            side: [
                {"name": name, "dtype": tensor.dtype, "shape": tensor.shape}
                for name, tensor in getattr(model.signature, side).items()
            ]
            for side in ("inputs", "outputs")
        }
    return known
