"""Your own recordings: files of images and responses, their ceilings, and the benchmark made of them."""
