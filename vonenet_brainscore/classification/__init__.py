"""Object recognition: labelled photographs, a network with its noise as a classifier, its accuracy."""
