"""Routes that do not depend on the loaded models."""

from typing import Any

from serving.openapi.operations import ID_HEADER, Paths, Schema, answered, fields, get, post, reference, sent

TAG = "service"
TAGS = [{"name": "predict"}, {"name": TAG}]
# Paths about the health of the service, which need no key.
KEYLESS_PATHS = ("/healthz", "/readyz", "/metrics", "/v2/health/live", "/v2/health/ready")
TEXT, TEXTS = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
STATES = {"enum": ["loading", "ready", "failed"]}
SCHEMAS: dict[str, Schema] = {
    "Error": fields({"error": TEXT}),
    "Version": fields({
        "version": TEXT,
        "state": {"enum": ["AVAILABLE", "LOADING", "END"]},
        "status": fields({"error_code": TEXT, "error_message": TEXT}),
    }),
    "Model": fields(
        {"name": TEXT, "version": {"type": "integer"}, "state": STATES, "answers": {"type": "boolean"}}, others=True
    ),
    "Indexed": fields({
        "name": TEXT,
        "version": TEXT,
        "state": {"enum": ["READY", "LOADING", "UNAVAILABLE"]},
        "reason": TEXT,
    }),
    "Readiness": fields({
        "state": {"enum": ["loading", "ready", "failed", "empty", "stopping"]},
        "worker": {"type": "integer"},
        "workers_ready": {"type": "integer"},
        "models": {"type": "object", "additionalProperties": TEXT},
        "error": TEXT,
    }, ["error"]),
}  # fmt: skip
HEADERS = {
    "X-Request-Id": {"description": "of the sender, or made", "schema": {"type": "string"}, "required": True},
    "Retry-After": {"description": "in how many seconds it may be worth to ask again", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"schema": {"const": "Bearer"}, "required": True},
}


def paths() -> Paths:
    """Return the paths of listings, documents and health checks."""
    routes = fields({"routes": {"type": "object", "additionalProperties": TEXT}})
    passed_over = {"type": "array", "items": fields({"folder": TEXT, "reason": TEXT})}
    models = fields({"models": {"type": "array", "items": reference("Model")}, "passed_over": passed_over})
    server = fields({"name": TEXT, "version": TEXT, "extensions": TEXTS})
    metrics = get("metrics", TAG, "All workers' numbers, for Prometheus", TEXT, ())
    metrics["get"]["responses"]["200"]["content"] = {"text/plain": {"schema": TEXT}}
    return {
        "/": get("routes", TAG, "The routes, in a line each", routes),
        "/models": get("models", TAG, "Every version that was tried, and folders of the store that hold none", models),
        "/openapi.json": get("openapi", TAG, "This document", {"type": "object"}),
        "/healthz": get("healthz", TAG, "That the process answers", fields({"state": {"const": "alive"}}), ()),
        "/readyz": _ready(get("readyz", TAG, "Whether a model can be asked", reference("Readiness"), ())),
        "/metrics": metrics,
        "/v2": get("v2", TAG, "What the service is", server),
        "/v2/repository/index": _index(),
        "/v2/health/live": get("v2.live", TAG, "That the process answers", fields({"live": {"const": True}}), ()),
        "/v2/health/ready": _ready(
            get("v2.ready", TAG, "Whether a model can be asked", fields({"ready": {"type": "boolean"}}), ())
        ),
    }


def _index() -> dict[str, Any]:
    """Return the path of the store's listing, whose request body is optional."""
    asked = sent(fields({"ready": {"type": ["boolean", "null"]}}, ["ready"], others=True), all={})
    answer = answered({"type": "array", "items": reference("Indexed")})
    path = post("v2.index", TAG, "What is in the store", asked, answer)
    path["post"]["requestBody"]["required"] = False
    return path


def _ready(path: dict[str, Any]) -> dict[str, Any]:
    """Add the response of a service that is not ready, which has the same schema."""
    answers = path["get"]["responses"]
    schema = answers["200"]["content"]["application/json"]["schema"]
    answers["503"] = {"description": "not ready", "headers": ID_HEADER, "content": answered(schema)}
    return path
