"""The routes: HTTP only, the work is elsewhere."""

from flask import current_app, request
from werkzeug.routing import BaseConverter

from serving import context
from serving.inference import Core
from serving.models.catalogue import MayAsk, everyone

# What a name in a URL may be, as `<named:name>`.
NAMED = "named"


class Named(BaseConverter):
    """A part of a path up to the colon before a method."""

    regex = "[^/:]+"


def service() -> Core:
    """What answers."""
    found: Core = current_app.extensions["core"]
    return found


def may_ask() -> MayAsk:
    """Which models the sender of this request may ask."""
    return context.of(request.environ).may_ask or everyone
