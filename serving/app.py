"""The application factory."""

from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from serving import errors
from serving.config import DIRECT, Config, traces_wanted
from serving.http import content_encoding as content
from serving.http.auth import Access
from serving.http.dispatch import Direct
from serving.http.middleware import Observing
from serving.inference import Core
from serving.observability.request_log import RequestLog
from serving.routes import NAMED, Named, docs, health, open_inference, predict, repository, tfserving, triton

if TYPE_CHECKING:
    from serving.observability.tracing import Tracer


def create_app(config: Config | None = None) -> Flask:
    """The service of a folder of models, which begins to load them; without settings, those of the environment."""
    config = config or Config.from_environment()
    app = Flask(__name__, static_folder=None)
    app.config["SERVICE"] = config
    app.config["VERSION"] = version("suite")
    app.url_map.converters[NAMED] = Named
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.register(app)
    app.register_blueprint(health.routes)
    app.register_blueprint(docs.routes)
    app.register_blueprint(tfserving.routes)
    app.register_blueprint(open_inference.routes)
    app.register_blueprint(repository.routes)
    app.register_blueprint(triton.routes)
    app.after_request(_routed)
    app.after_request(_compressed)
    access = Access(Path(config.keys) if config.keys else None, 1 / config.workers)
    core = app.extensions["core"] = Core(config)
    core.repository.start()
    views = [*predict.VIEWS, *open_inference.VIEWS, *tfserving.VIEWS]
    tracer = _tracer(app.config["VERSION"])
    log = RequestLog(core.metrics) if config.access_log else None
    observing = Observing(core.metrics, access, config.max_waiting, log, tracer)
    direct = app.extensions[DIRECT] = Direct(app.wsgi_app, core, observing, views)
    app.wsgi_app = direct  # type: ignore[method-assign]
    return app


def _tracer(version: str) -> "Tracer | None":
    """Started where traces are wanted; without, nothing of it is imported."""
    if not traces_wanted():
        return None
    from serving.observability import tracing

    return tracing.start(version)


def _routed(response: Response) -> Response:
    request.environ[errors.ROUTE] = request.url_rule
    return response


def _compressed(response: Response) -> Response:
    if not response.is_streamed:
        response.data, headers = content.compressed(response.data, request.headers.get("Accept-Encoding", ""))
        response.headers.extend(headers)
    return response
