"""The network behind every rival, from an artifact's files: uint8 (N, 28, 28, 1) to probabilities (N, labels).

Run in the rivals' environments. One thread an operation: there are as many workers as cores.
"""

import os
import threading

import numpy as np

SHAPE = (28, 28, 1)


class TensorFlow:
    """The SavedModel's signature."""

    def __init__(self, folder):
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self._constant = tf.constant
        self._model = tf.saved_model.load(folder)
        self._signature = self._model.signatures["serving_default"]
        for rows in (1, 2, 4, 8, 16, 32, 64):
            self.run(np.zeros((rows, *SHAPE), np.uint8))

    def run(self, pictures):
        return self._signature(image=self._constant(pictures))["probabilities"].numpy()


class LiteRT:
    """The light model, an interpreter for each thread and number of rows."""

    def __init__(self, folder):
        from ai_edge_litert.interpreter import Interpreter

        self._make = lambda: Interpreter(os.path.join(folder, "model.tflite"), num_threads=1)
        self._here = threading.local()
        self.run(np.zeros((1, *SHAPE), np.uint8))

    def run(self, pictures):
        made = self._here.__dict__
        if len(pictures) not in made:
            interpreter = self._make()
            (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
            interpreter.resize_tensor_input(source["index"], pictures.shape)
            interpreter.allocate_tensors()
            made[len(pictures)] = interpreter, source["index"], target["index"]
        interpreter, source, target = made[len(pictures)]
        interpreter.set_tensor(source, pictures)
        interpreter.invoke()
        return interpreter.get_tensor(target)


ENGINES = {"tf": TensorFlow, "litert": LiteRT}


def load(engine, folder):
    """The network on an engine, tried."""
    return ENGINES[engine](folder)


def load_chosen():
    """As the benchmark says in the environment."""
    return load(os.environ["RIVAL_ENGINE"], os.environ["RIVAL_MODEL"])
