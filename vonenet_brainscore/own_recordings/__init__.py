"""Your own recordings: files of images and responses, their ceilings, and a benchmark based on them."""
