"""Benchmarks: `python -m bench.<name>` prints figures beside their peers'."""
