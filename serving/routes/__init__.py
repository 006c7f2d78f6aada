"""The routes: HTTP only, the work is elsewhere."""

from flask import current_app, request
from werkzeug.routing import BaseConverter

from serving.context import MayAsk, RequestContext
from serving.http import wsgi
from serving.inference import InferenceService

# What a name in a URL may be, as `<named:name>`.
NAMED = "named"


class Named(BaseConverter):
    """A part of a path up to the colon before a method."""

    regex = "[^/:]+"


def service() -> InferenceService:
    """What answers, in a view of Flask."""
    found: InferenceService = current_app.extensions["service"]
    return found


def context() -> RequestContext:
    """What is known of the request, in a view of Flask."""
    return wsgi.context(request.environ)


def may_ask() -> MayAsk:
    """Which models the sender of the request may ask, in a view of Flask."""
    return context().may_ask
