"""Exit codes of the command line."""

DONE = 0
FAILED = 1
WRONG_CALL = 2
INTERRUPTED = 130  # after Ctrl-C
