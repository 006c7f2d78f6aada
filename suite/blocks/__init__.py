"""Keras building blocks, shared by all domains: functions of hyperparameters, a tensor and a name."""
