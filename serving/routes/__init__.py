"""The routes: HTTP only, the work is elsewhere."""

from flask import current_app
from werkzeug.routing import BaseConverter

from serving.inference import Core

# What a name in a URL may be, as `<named:name>`.
NAMED = "named"


class Named(BaseConverter):
    """A part of a path up to the colon before a method."""

    regex = "[^/:]+"


def service() -> Core:
    """What answers."""
    found: Core = current_app.extensions["core"]
    return found
