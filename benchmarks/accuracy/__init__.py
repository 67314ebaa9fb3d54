"""Accuracy over many seeds: of default weights, and against scikit-learn."""
