"""The network: layers in a chain over one flat vector of parameters."""
