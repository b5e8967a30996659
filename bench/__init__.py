"""Benchmarks. `python -m bench` runs them and rewrites bench/RESULTS.md; nothing here is a test."""
