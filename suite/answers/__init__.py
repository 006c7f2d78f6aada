"""How a model's outputs read: to a person, in a file, and to a client of the service. NumPy only."""

from suite.answers.base import Answer, NotFinite, of

__all__ = ["Answer", "NotFinite", "of"]
