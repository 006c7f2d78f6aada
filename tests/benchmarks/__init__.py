"""Measurements, each next to a comparison; run by `make bench-...`, never as tests."""
