"""Fit, evaluate and export a domain's network."""
