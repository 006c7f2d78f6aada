"""Engines run models. Only this package imports TensorFlow, LiteRT or ONNX Runtime."""
