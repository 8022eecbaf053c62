"""Many models, settings and benchmarks: what is to be scored, where, and what is kept of it."""
