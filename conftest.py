"""Which modules of nnlite are not collected, since the library that they are for is not installed."""

import importlib.util

collect_ignore_glob = [] if importlib.util.find_spec("sklearn") else ["nnlite/sklearn/*"]
