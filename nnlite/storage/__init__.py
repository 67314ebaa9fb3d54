"""Files that hold a network or a training."""
