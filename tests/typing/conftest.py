"""The script for type checkers is read, not run."""

collect_ignore = ["public_face.py"]
