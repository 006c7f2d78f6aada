"""The application factory."""

import io
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from flask import Flask, Request, request

from serving import errors
from serving.access import Access
from serving.codec import content
from serving.config import Config
from serving.core import Core
from serving.observing import Observing
from serving.routes import inference_v2, ops, predict, tfserving


class InMemory(Request):
    """A request whose uploads need no file each on a disk that may be full; a body's bounds hold for them."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def create_app(config: Config | None = None) -> Flask:
    """The service of a folder of models, which begins to load them; without settings, those of the environment."""
    config = config or Config.from_environment()
    app = Flask(__name__, static_folder=None)
    app.request_class = InMemory
    app.config["SERVICE"] = config
    app.config["VERSION"] = version("suite")
    # One more than is allowed, so that a body that was cut there is known to be too large.
    app.config["MAX_CONTENT_LENGTH"] = config.max_body + 1
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.register(app)
    app.register_blueprint(predict.routes)
    app.register_blueprint(ops.routes)
    app.register_blueprint(tfserving.routes)
    app.register_blueprint(inference_v2.routes)
    app.after_request(lambda response: content.compress(request, response))
    access = Access(Path(config.keys) if config.keys else None, 1 / config.workers)
    core = app.extensions["core"] = Core(config)
    core.repository.start()
    app.wsgi_app = Observing(  # type: ignore[method-assign]
        app.wsgi_app, core.metrics, access, config.max_waiting, config.access_log
    )
    return app
