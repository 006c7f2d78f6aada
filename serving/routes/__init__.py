"""The routes of the service. They only deal with HTTP; the work is done elsewhere."""

from flask import current_app, request
from werkzeug.routing import BaseConverter

from serving import context
from serving.inference import Core
from serving.models.catalogue import MayAsk, everyone

# A converter for names in URLs, used as `<named:name>`.
NAMED = "named"


class Named(BaseConverter):
    """A part of a path up to a colon."""

    regex = "[^/:]+"


def service() -> Core:
    """The service that answers."""
    found: Core = current_app.extensions["core"]
    return found


def may_ask() -> MayAsk:
    """Which models the sender of this request may ask."""
    return context.of(request.environ).may_ask or everyone
