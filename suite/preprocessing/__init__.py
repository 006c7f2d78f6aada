"""From raw inputs to the core's inputs: adapted once on the training split, the same in NumPy and in TensorFlow."""
