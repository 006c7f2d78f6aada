"""Describing networks without TensorFlow, whose import alone takes longer than most descriptions.

What a description asks of a network are shapes, numbers of weights and hyperparameters, never values. Keras computes
them without TensorFlow, on its NumPy backend, and KerasTuner needs no backend. Both import TensorFlow or JAX all the
same, so stand-ins take their place, see `stand_ins`; the backend's own functions give zeros, see `backend`.

A process has one backend of Keras, so a description is made in a process of its own. Where it turns out to need more
than shapes, it is made again with TensorFlow: what is shown is the same, only later.
"""
