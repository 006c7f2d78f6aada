"""What Keras does again for every layer that it builds, made quick: a description builds hundreds of networks."""

import inspect
from collections.abc import Callable
from functools import cache
from types import MethodType, NoneType
from typing import Any

PLAIN = frozenset((NoneType, bool, float, int, str))


def quicken() -> None:
    """Remember the signatures of functions, and do not examine plain attributes of layers for what they contain."""
    from keras.src.utils.tracking import Tracker

    inspect.getfullargspec = cache(inspect.getfullargspec)
    inspect.signature = _remembered(inspect.signature)
    examine = Tracker.track
    Tracker.track = lambda tracker, value: value if type(value) in PLAIN else examine(tracker, value)


def _remembered(signature: Callable[..., inspect.Signature]) -> Callable[..., inspect.Signature]:
    known: dict[tuple[bool, Any], inspect.Signature] = {}

    def find(called: Any, **options: Any) -> inspect.Signature:
        is_method = isinstance(called, MethodType)
        function = called.__func__ if is_method else called
        if options or not inspect.isfunction(function):
            return signature(called, **options)
        # Methods of all layers of a class have one signature.
        key = is_method, function
        if key not in known:
            known[key] = signature(called)
        return known[key]

    return find
