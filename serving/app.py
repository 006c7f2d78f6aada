"""The application factory."""

import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask, Response, request

from serving.config import Config, traces_wanted
from serving.http import error_handlers
from serving.http.auth import Access
from serving.http.dispatch import Dispatcher
from serving.http.forwarding import TrustedProxies
from serving.http.middleware import Middleware
from serving.http.rate_limit import RateLimiter
from serving.http.wsgi import WsgiBridge, WsgiGateway
from serving.inference import InferenceService
from serving.observability.request_log import RequestLog
from serving.routes import NAMED, Named, context, docs, health, open_inference, predict, repository, tfserving, triton

if TYPE_CHECKING:
    from serving.observability.tracing import Tracer

# Keys of `app.extensions` for the service and for the dispatcher that answers its requests.
SERVICE, DISPATCHER = "service", "dispatcher"
FLASK_THREADS = 2
# A variable in a Flask URL rule.
VARIABLE = re.compile(r"<(?:[^<>]*:)?([^<>]+)>")


def create_app(config: Config | None = None) -> Flask:
    """Create the Flask application and start loading models. Without a `config`, settings come from the environment.

    Any WSGI server can run it. `serving.server` runs it in an event loop, without WSGI around predictions.
    """
    config = config or Config.from_environment()
    app = Flask(__name__, static_folder=None)
    app.config["VERSION"] = version("neural-suite")
    app.url_map.converters[NAMED] = Named
    app.json.sort_keys = False  # type: ignore[attr-defined]
    error_handlers.register(app)
    rooms = (docs, health, tfserving, open_inference, repository, triton)
    for room in rooms:
        app.register_blueprint(room.views)
    app.after_request(_note_route)
    service = app.extensions[SERVICE] = InferenceService(config)
    dispatcher = app.extensions[DISPATCHER] = _dispatcher(app, service, config)
    app.wsgi_app = WsgiGateway(dispatcher.respond, dispatcher.refuse, service.bind, config.max_body)  # type: ignore[method-assign]
    service.repository.start()
    return app


def _dispatcher(app: Flask, service: InferenceService, config: Config) -> Dispatcher:
    """Return the dispatcher, which tries handlers of the event loop first and then Flask."""
    runtime = Path(config.runtime) if config.runtime else None
    access = Access(Path(config.keys) if config.keys else None, RateLimiter(runtime))
    log = RequestLog(service.metrics) if config.access_log else None
    tracer = _tracer(app.config["VERSION"])
    middleware = Middleware(service.metrics, access, TrustedProxies(config.trusted_proxies), log, tracer)
    answered_here = (predict, open_inference, tfserving, health)
    routes = [route for room in answered_here for route in room.routes(service)]
    flask = WsgiBridge(app.wsgi_app, FLASK_THREADS, config.max_waiting)
    return Dispatcher(routes, middleware, flask, service.compute)


def _tracer(version: str) -> "Tracer | None":
    """Return a started tracer; None, without importing its libraries, if traces are not wanted."""
    if not traces_wanted():
        return None
    from serving.observability import tracing

    return tracing.start(version)


def _note_route(response: Response) -> Response:
    if request.url_rule:
        context().route = VARIABLE.sub(r"{\1}", request.url_rule.rule)
    return response
