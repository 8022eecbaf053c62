"""Published measurements of neurons in macaque V1, each with its study, bins and number of neurons."""
