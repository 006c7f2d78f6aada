"""Training: batches, fit, metrics, calibration, thresholds and export of a domain's network."""
