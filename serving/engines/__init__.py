"""Engines run models; nothing outside of this folder knows TensorFlow, LiteRT or ONNX Runtime."""
