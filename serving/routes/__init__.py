"""The routes: HTTP only, the work is elsewhere."""

from flask import current_app

from serving.core import Core


def service() -> Core:
    """What answers."""
    found: Core = current_app.extensions["core"]
    return found
