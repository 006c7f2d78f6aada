"""The routes: HTTP only, the work is elsewhere."""

from flask import current_app, request
from werkzeug.routing import BaseConverter

from serving.core import Core
from serving.patience import Patience, of_request

# What a name in a URL may be, as `<named:name>`.
NAMED = "named"


class Named(BaseConverter):
    """A part of a path up to the colon before a method."""

    regex = "[^/:]+"


def core() -> Core:
    """What answers."""
    found: Core = current_app.extensions["core"]
    return found


def patience() -> Patience:
    """How long the sender of this request waits; ServiceError 400 where it says so in a way that makes no sense."""
    return of_request(request.environ)
