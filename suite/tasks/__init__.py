"""The built-in tasks: kinds of answers, each with its head, loss, metrics, calibration and sections of the report."""
