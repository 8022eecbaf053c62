"""Sweeps over models, settings and benchmarks: what is scored, where it runs, and which records are kept."""
