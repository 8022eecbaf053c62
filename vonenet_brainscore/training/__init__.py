"""Training of VOneNets and their base CNNs."""
