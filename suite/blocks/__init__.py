"""Keras building blocks: functions of hyperparameters, a tensor and a name, shared by all domains."""
