"""Grating experiments: receptive fields, tuning curves and the properties that are read from them."""
