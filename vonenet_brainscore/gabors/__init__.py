"""The parameters of a filter bank against the distributions measured in macaque V1."""
