"""``python -m nnlite`` is the command line."""

import sys

from nnlite.cli import main

sys.exit(main())
