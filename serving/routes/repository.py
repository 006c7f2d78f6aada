"""The repository extension of the Open Inference Protocol: lists the store, loads and unloads models.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

from typing import Any

import simdjson
from flask import Blueprint, request

from serving.codecs import payload as body
from serving.codecs.json_types import name as name_of
from serving.errors import ServiceError
from serving.http import auth as access
from serving.http import content_encoding as content
from serving.models.loader import FAILED, LOADING, READY
from serving.routes import may_ask, service

routes = Blueprint("repository", __name__, url_prefix="/v2/repository")

STATES = {READY: "READY", LOADING: "LOADING", FAILED: "UNAVAILABLE"}


@routes.post("/index")
def index() -> list[dict[str, str]]:
    """List every version that was loaded or tried, and models that are turned off; with `ready`, only ready ones."""
    only_ready = _asked().get("ready")
    if only_ready is not None and not isinstance(only_ready, bool):
        raise ServiceError(400, f"'ready' is {name_of(only_ready)}: give true or false")
    repository = service().repository
    found = [
        {"name": model.name, "version": str(model.version), "state": STATES[model.state], "reason": model.reason}
        for model in repository.models(may_ask())
    ]
    found += [
        {"name": name, "version": "", "state": "UNAVAILABLE", "reason": "unloaded"}
        for name in repository.unserved(may_ask())
    ]
    return [one for one in found if one["state"] == "READY" or not only_ready]


@routes.post("/models/<name>/load")
def load(name: str) -> dict[str, Any]:
    """Serve a model again."""
    return _serve(name, True)


@routes.post("/models/<name>/unload")
def unload(name: str) -> dict[str, Any]:
    """Serve a model no longer, until it is loaded again."""
    return _serve(name, False)


def _serve(name: str, served: bool) -> dict[str, Any]:
    here = service()
    access.check_admin(here.config.admin_token, request.environ)
    parameters = _asked().get("parameters")
    if not (parameters is None or isinstance(parameters, simdjson.Object | dict)):
        raise ServiceError(400, f"'parameters' is {name_of(parameters)}: make it an object, or leave it out")
    if served and parameters is not None and len(parameters):
        raise ServiceError(400, "models are loaded as they lie in the store: leave 'parameters' out")
    here.repository.serve(name, served)
    if served:
        here.repository.get(name)
    return {}


def _asked() -> Any:
    """The JSON object in the body; an empty one if there is no body."""
    text = content.read(request.environ, service().config.max_body)
    document = body.parsed(text, "ready") if text.strip() else {}
    if not isinstance(document, simdjson.Object | dict):
        raise ServiceError(400, f"the body is {name_of(document)}: send an object")
    return document
