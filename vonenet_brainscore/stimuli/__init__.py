"""What is shown: images and gratings in degrees of visual angle, pixel for pixel as Brain-Score shows them."""
