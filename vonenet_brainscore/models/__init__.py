"""The network: an image becomes responses of V1 (Gabor filters, simple and complex cells, noise), then logits."""
