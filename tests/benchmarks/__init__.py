"""Measurements, each beside what it is to be compared with; run by `make bench-...`, never as tests."""
