"""What is served, and whether it is well."""

import os
from dataclasses import asdict
from typing import Any

from flask import Blueprint, current_app

from serving.repository import EMPTY, FAILED, LOADING, READY, Model, Repository

routes = Blueprint("ops", __name__)

WHY_NOT = {
    LOADING: "models are still loading: ask again in a moment",
    FAILED: "no model can be served: GET /models says why",
    EMPTY: "the store holds no model: save one with 'suite fit', then restart the service",
}


def _repository() -> Repository:
    repository: Repository = current_app.extensions["repository"]
    return repository


@routes.get("/")
def index() -> dict[str, Any]:
    """The routes, in a line each."""
    return {
        "routes": {
            "POST /predict": 'JSON {"model", "version", "instances": [...]}, or pictures uploaded as a form',
            "GET /models": "the models: state, inputs, labels",
            "GET /healthz": "200 while the process answers",
            "GET /readyz": "200 once every model was tried and at least one can be asked",
        }
    }


@routes.get("/healthz")
def healthz() -> dict[str, str]:
    return {"state": "alive"}


@routes.get("/readyz")
def readyz() -> tuple[dict[str, Any], int]:
    """The worker's state, and that of each model."""
    repository = _repository()
    state = repository.state
    models = {f"{model.name}/{model.version}": model.reason or model.state for model in repository.models()}
    answer: dict[str, Any] = {"state": state, "worker": os.getpid(), "models": models}
    if state == READY:
        return answer, 200
    failed = "; ".join(f"{name}: {reason}" for name, reason in models.items()) if state == FAILED else ""
    return answer | {"error": f"{WHY_NOT[state]}{f' ({failed})' if failed else ''}"}, 503


@routes.get("/models")
def models() -> dict[str, Any]:
    return {"models": [_describe(model) for model in _repository().models()]}


def _describe(model: Model) -> dict[str, Any]:
    known: dict[str, Any] = {"name": model.name, "version": model.version, "state": model.state}
    if model.reason:
        known["reason"] = model.reason
    if model.engine:
        known["engine"] = model.engine.name
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
    elif model.signature:
        known |= {
            side: [{"name": name, **asdict(tensor)} for name, tensor in getattr(model.signature, side).items()]
            for side in ("inputs", "outputs")
        }
    return known
