"""Looking into a network and its training: one step written out, gradients checked, a set-up examined.

- `trace` writes out the equations of one training step with their numbers.
- `gradient_check` compares the gradients of all layers and parameters with difference quotients.
- `permutation_importance` measures how much a network relies on each feature.
- `find_learning_rate` tries rising learning rates on a copy.
- `diagnose` examines data, network and optimizer before, during and after training; the callback `Diagnose` watches a
  training.

None of these changes the network.
"""

from nnlite.inspect.diagnosis.callback import Diagnose
from nnlite.inspect.diagnosis.doctor import diagnose
from nnlite.inspect.diagnosis.report import Diagnosis, Finding
from nnlite.inspect.gradients.check import gradient_check
from nnlite.inspect.gradients.report import GradientCheck
from nnlite.inspect.importance import PermutationImportance, permutation_importance
from nnlite.inspect.learning_rate import RangeTest, find_learning_rate
from nnlite.inspect.tracing.tracer import Trace, trace

__all__ = [
    "Diagnose",
    "Diagnosis",
    "Finding",
    "GradientCheck",
    "PermutationImportance",
    "RangeTest",
    "Trace",
    "diagnose",
    "find_learning_rate",
    "gradient_check",
    "permutation_importance",
    "trace",
]


def __dir__() -> list[str]:
    return __all__
