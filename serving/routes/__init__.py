"""The routes. They only translate between HTTP and the rest of the service."""

from flask import current_app, request
from werkzeug.routing import BaseConverter

from serving.context import MayAsk, RequestContext
from serving.errors import ServiceError
from serving.http import wsgi
from serving.inference import InferenceService
from serving.models.loader import Model

# The URL converter for names, used as `<named:name>`.
NAMED = "named"


class Named(BaseConverter):
    """Matches a part of a path up to a slash, or up to the colon before a method."""

    regex = "[^/:]+"


def service() -> InferenceService:
    """Return the inference service, in a Flask view."""
    found: InferenceService = current_app.extensions["service"]
    return found


def context() -> RequestContext:
    """Return the context of the request, in a Flask view."""
    return wsgi.context(request.environ)


def may_ask() -> MayAsk:
    """Return which models the request's key allows, in a Flask view."""
    return context().may_ask


def loaded(name: str, version: int | str | None = None) -> Model:
    """Return a model in any state, in a Flask view; raise ServiceError 403, 404 or 503.

    If it is yet to be loaded, the view has to end with the 503: it is called again once the model is loaded.
    """
    model = service().repository.load(name, version, may_ask())
    if not model.done():
        context().awaited = model
        raise ServiceError(503, f"the model '{name}' is still loading: ask again in a moment", 1)
    return model.result()
