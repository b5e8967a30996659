# pyright: basic
"""Benchmarks. Nothing here is a test; what was measured is written down in RESULTS.md."""
