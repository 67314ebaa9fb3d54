"""Exit codes of the command line."""

DONE = 0
FAILED = 1
WRONG_CALL = 2
INTERRUPTED = 130  # after Ctrl-C: 128 and the number of SIGINT
BROKEN_PIPE = 141  # the reader of the output is gone: 128 and the number of SIGPIPE
