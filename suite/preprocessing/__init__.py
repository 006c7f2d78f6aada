"""Preprocessing of raw inputs to the core's inputs: learned on the training split, the same in NumPy and TensorFlow."""
