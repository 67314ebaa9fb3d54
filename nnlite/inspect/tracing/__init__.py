"""One training step, written out as equations with their numbers."""
