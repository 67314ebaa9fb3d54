"""The version of nnlite, read by the build and written into model files."""

__version__ = "0.1.0.dev0"
