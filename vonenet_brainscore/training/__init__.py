"""Training of back ends behind a fixed VOneBlock, on one device or many."""
