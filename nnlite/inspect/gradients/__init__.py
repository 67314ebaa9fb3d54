"""The gradients of a network, compared with difference quotients."""

from nnlite.inspect.gradients.check import gradient_check
from nnlite.inspect.gradients.report import GradientCheck

__all__ = ["GradientCheck", "gradient_check"]
