"""What `nnlite.inspect.diagnose` looks for, a file for each phase: the data, before, during and after training."""

from nnlite.inspect.diagnosis.report import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding"]
