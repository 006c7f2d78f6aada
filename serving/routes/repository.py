"""The repository extension of the Open Inference Protocol: what is in the store; loading and unloading, for who may.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

from typing import Any

from flask import Blueprint, request

from serving.codecs import payload
from serving.codecs.json_types import OBJECT
from serving.codecs.json_types import name as name_of
from serving.errors import ServiceError
from serving.http import auth as access
from serving.http import body
from serving.http import content_encoding as content
from serving.models.loader import FAILED, LOADING, READY
from serving.routes import service

routes = Blueprint("repository", __name__, url_prefix="/v2/repository")

STATES = {READY: "READY", LOADING: "LOADING", FAILED: "UNAVAILABLE"}


@routes.post("/index")
def index() -> list[dict[str, str]]:
    """Every version that was loaded or tried, and models that are not to be served; with `ready` only the loaded."""
    only_ready = _asked("ready")
    if only_ready is not None and not isinstance(only_ready, bool):
        raise ServiceError(400, f"'ready' is {name_of(only_ready)}: give true or false")
    repository = service().repository
    found = [
        {"name": model.name, "version": str(model.version), "state": STATES[model.state], "reason": model.reason}
        for model in repository.models()
    ]
    found += [
        {"name": name, "version": "", "state": "UNAVAILABLE", "reason": "unloaded"} for name in repository.unserved()
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
    parameters = _asked("parameters")
    if parameters is not None and not isinstance(parameters, OBJECT):
        raise ServiceError(400, f"'parameters' is {name_of(parameters)}: make it an object, or leave it out")
    if served and parameters:
        raise ServiceError(400, "models are loaded as they lie in the store: leave 'parameters' out")
    here.repository.serve(name, served)
    if served:
        here.repository.get(name)
    return {}


def _asked(key: str) -> Any:
    """A member of the request's JSON object; None where it has no such, or no body."""
    text = content.read(request.environ, service().config.max_body)
    if not text.strip():
        return None
    return payload.parse_members(body.utf8(request.content_type or "", text), key, frozenset((key,))).get(key)
