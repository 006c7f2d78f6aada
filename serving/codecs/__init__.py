"""Requests to arrays, and arrays to answers: a codec for each kind of model.

What a byte of a request may cost is in the README beside this file.
"""

from serving.codecs.base import CardCodec, Codec, Limits
from serving.codecs.images import ImageCodec
from serving.codecs.tables import TableCodec
from serving.codecs.tensors import TensorCodec
from serving.codecs.texts import TextCodec
from serving.signature import Signature
from suite.artifact import Card

OF_KIND: dict[str, type[CardCodec]] = {codec.kind: codec for codec in (ImageCodec, TextCodec, TableCodec)}


def for_model(card: Card | None, signature: Signature, limits: Limits) -> Codec:
    """The codec of a model: of the kind that its card says, or of plain tensors where it has none."""
    if card is None:
        return TensorCodec(signature, limits)
    return OF_KIND[card.preprocessing["kind"]](card, signature, limits)
