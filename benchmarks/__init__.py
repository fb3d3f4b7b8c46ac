"""Benchmarks: each prints a plain baseline beside ours, from the same run."""
