"""The application factory."""

from flask import Flask

from serving import errors
from serving.config import Config
from serving.repository import Repository
from serving.routes import ops, predict


def create_app(config: Config | None = None) -> Flask:
    """The service of a folder of models, which begins to load them; without settings, those of the environment."""
    config = config or Config.from_environment()
    app = Flask(__name__, static_folder=None)
    app.config["SERVICE"] = config
    # One more than is allowed, so that a body that was cut there is known to be too large.
    app.config["MAX_CONTENT_LENGTH"] = config.max_body + 1
    app.json.sort_keys = False  # type: ignore[attr-defined]
    errors.register(app)
    app.register_blueprint(predict.routes)
    app.register_blueprint(ops.routes)
    repository = Repository(config)
    app.extensions["repository"] = repository
    repository.start()
    return app
