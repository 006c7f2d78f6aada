"""GET / lists the routes, GET /openapi.json describes the loaded models, GET /docs shows that in a browser."""

from importlib.resources import files
from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect
from werkzeug.wrappers import Response as AnyResponse

from serving import openapi
from serving.routes import may_ask, service

views = Blueprint("docs", __name__)

OURS, SWAGGER = files("serving") / "static", files("flask_swagger_ui") / "dist"
HTML, SCRIPT, STYLE, PICTURE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css", "image/png"
# The files of the page. No other files are served.
FILES = {
    "docs.css": (OURS, STYLE),
    "docs.js": (OURS, SCRIPT),
    "favicon-32x32.png": (SWAGGER, PICTURE),
    "swagger-ui-bundle.js": (SWAGGER, SCRIPT),
    "swagger-ui.css": (SWAGGER, STYLE),
}
# Allow no content from other origins and no inline scripts. The icons of Swagger UI are data: URLs.
POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
    "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
))  # fmt: skip
SECURITY_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@views.get("/")
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


@views.get("/openapi.json")
def document() -> dict[str, Any]:
    """Return the OpenAPI document."""
    here = service()
    models = [(model, here.repository.answers(model)) for model in here.repository.models(may_ask())]
    return openapi.document(models, current_app.config["VERSION"], bool(here.config.keys), here.config.max_rows)


@views.get("/docs")
def page() -> Response:
    """Return the page with Swagger UI."""
    return Response((OURS / "docs.html").read_bytes(), content_type=HTML, headers=SECURITY_HEADERS)


@views.get("/docs/")
def page_with_slash() -> AnyResponse:
    """Redirect to the page without a slash, because its links are relative so that they work behind a prefix."""
    return redirect("../docs", 308)


@views.get("/docs/<name>")
def file(name: str) -> Response:
    """Return a file of the page."""
    if name not in FILES:
        abort(404)
    folder, content_type = FILES[name]
    return Response((folder / name).read_bytes(), content_type=content_type, headers=SECURITY_HEADERS)
