"""The network as an experimental subject: regions, layers, and responses to every presentation and trial."""
