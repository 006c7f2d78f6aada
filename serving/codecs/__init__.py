"""Codecs, one for each kind of model: they decode requests into arrays and encode arrays into responses.

The README in this folder states what decoding a byte of a request may cost.
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
    """Return the codec of a model: the one for the kind in its card, or the one for plain tensors without a card."""
    if card is None:
        return TensorCodec(signature, limits)
    return OF_KIND[card.preprocessing["kind"]](card, signature, limits)
