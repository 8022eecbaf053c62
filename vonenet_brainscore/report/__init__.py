"""A page about several models: scores, pictures, downloadable numbers and provenance."""
