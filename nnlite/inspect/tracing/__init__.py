"""One training step, written out as equations with their numbers."""

from nnlite.inspect.tracing.trace import Trace, trace

__all__ = ["Trace", "trace"]
