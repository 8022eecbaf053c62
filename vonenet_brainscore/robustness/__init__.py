"""Robustness of networks to adversarial perturbations and to common corruptions, and their accuracy without either."""
