"""Lists, loads and unloads models, with the repository extension of the Open Inference Protocol.

https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
"""

from typing import Any

from flask import Blueprint, request

from serving.codecs import payload
from serving.codecs.json_types import OBJECT
from serving.codecs.json_types import name as name_of
from serving.errors import ServiceError
from serving.http import auth, body, content_encoding, wsgi
from serving.models.loader import FAILED, LOADING, READY, Model
from serving.routes import may_ask, service

views = Blueprint("repository", __name__)

STATES = {READY: "READY", LOADING: "LOADING", FAILED: "UNAVAILABLE"}


@views.post("/v2/repository/index")
def index() -> list[dict[str, str]]:
    """List every version that was loaded or tried, and models that are turned off; with `ready`, only ready ones."""
    only_ready = _asked("ready")
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


@views.post("/v2/repository/models/<name>/load")
def load(name: str) -> dict[str, Any]:
    """Serve a model again."""
    return _serve(name, True)


@views.post("/v2/repository/models/<name>/unload")
def unload(name: str) -> dict[str, Any]:
    """Stop serving a model until it is loaded again."""
    return _serve(name, False)


def _serve(name: str, served: bool) -> dict[str, Any]:
    here = service()
    headers = {"authorization": request.headers.get("Authorization", "")}
    auth.check_admin(here.config.admin_token, request.environ["REMOTE_ADDR"], headers)
    parameters = _asked("parameters")
    if not (parameters is None or isinstance(parameters, OBJECT)):
        raise ServiceError(400, f"'parameters' is {name_of(parameters)}: make it an object, or leave it out")
    if served and parameters is not None and len(parameters):
        raise ServiceError(400, "models are loaded as they lie in the store: leave 'parameters' out")
    here.repository.serve(name, served)
    if served:
        here.repository.get(name)
    return {}


def _asked(key: str) -> Any:
    """Return a member of the JSON object in the body; None if it is missing or there is no body."""
    encoding = request.headers.get("Content-Encoding", "")
    content = content_encoding.decompressed(request.get_data(), encoding, min(wsgi.MAX_BODY, service().config.max_body))
    if not content.strip():
        return None
    return payload.parse_members(body.utf8(request.content_type or "", content), key, frozenset((key,))).get(key)


@views.get("/models")
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
            "task": card.task,
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
