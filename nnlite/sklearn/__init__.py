"""scikit-learn's multilayer perceptrons, trained by nnlite.

``from nnlite.sklearn import MLPClassifier, MLPRegressor`` replaces ``from sklearn.neural_network import ...``. All else
in a program stays as it is.
"""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError('nnlite.sklearn needs scikit-learn; run pip install "nnlite[sklearn]"') from error

from nnlite.sklearn.classifier import MLPClassifier
from nnlite.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
