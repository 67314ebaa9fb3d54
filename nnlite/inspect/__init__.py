"""Looking into a network and its training."""
