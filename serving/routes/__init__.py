"""The routes. They only translate between HTTP and the rest of the service."""

from flask import current_app, request
from werkzeug.routing import BaseConverter

from serving.context import MayAsk, RequestContext
from serving.http import wsgi
from serving.inference import InferenceService

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
