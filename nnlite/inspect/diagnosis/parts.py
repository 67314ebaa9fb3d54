"""The finite examples of a data set: a diagnosis accepts NaN and infinity, and leaves them out."""

from typing import Any, NamedTuple

import numpy as np

from nnlite import checks
from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.fitting.validation import ValidationBatches, check_validation_data
from nnlite.inspect.twins import for_arrays, prepared
from nnlite.network.examples import check_lengths, check_X
from nnlite.network.network import Network
from nnlite.network.signature import Signature


class FiniteExamples(NamedTuple):
    """The finite examples, and how many others there were: first those with a bad X, then those with a bad y only."""

    X: Array
    y: Array
    n_bad_X: int = 0
    n_bad_y: int = 0

    @property
    def n_given(self) -> int:
        """Number of all examples."""
        return len(self.X) + self.n_bad_X + self.n_bad_y


def as_arrays(model: Network, X: Any, y: Any, validation_data: Any) -> tuple[Network, Any, Any, Any]:
    """Do the same as `nnlite.inspect.twins.as_arrays`, with the validation examples too."""
    ready = prepared(model, X, y)
    if ready is None:
        return model, X, y, validation_data
    signature, train = ready.signature, ready.train
    if validation_data is not None:
        validation = check_validation_data(signature, validation_data)
        if isinstance(validation, ValidationBatches):
            raise ArgumentError(f"validation_data: expected a table or (X, y), got {type(validation_data).__name__}")
        validation_data = validation.X, signature.inside(validation.y)
    return for_arrays(model), train.X, signature.inside(train.y), validation_data


def check_parts(model: Network, X: Any, y: Any, validation_data: Any) -> tuple[FiniteExamples, FiniteExamples | None]:
    """Return the training and the validation examples, checked as `fit` does but for numbers that are not finite."""
    train = _finite_part(model, X, y, "")
    signature = model.signature_for(train.X) if len(train.X) else None
    train = _checked(signature, train, "")
    if validation_data is None:
        return train, None
    if not isinstance(validation_data, (tuple, list)) or len(validation_data) not in (2, 3):
        raise ArgumentError(f"validation_data: expected (X, y), got {type(validation_data).__name__}")
    validation = _finite_part(model, validation_data[0], validation_data[1], "validation_data ")
    return train, _checked(signature, validation, "validation_data ")


def _checked(signature: Signature | None, part: FiniteExamples, prefix: str) -> FiniteExamples:
    """Check that the examples fit the network, if there are any."""
    if signature is None or not len(part.X):
        return part
    examples = signature.check(part.X, part.y, prefix=prefix)
    return part._replace(X=examples.X, y=examples.y)


def _finite_part(model: Network, X: Any, y: Any, prefix: str) -> FiniteExamples:
    """Return the finite examples as arrays."""
    X, y = checks.numeric_array(f"{prefix}X", X), checks.numeric_array(f"{prefix}y", y)
    if X.ndim < 2 or X.size == 0:
        check_X(X, None, model.dtype, f"{prefix}X")  # raises ArgumentError
    if y.ndim == 0:
        raise ArgumentError(f"{prefix}y: expected {len(X)} labels, one for each row of X, got the number {y}")
    check_lengths(X, y, f"{prefix}X", f"{prefix}y")
    good_X, good_y = _finite_rows(X, model.dtype), _finite_rows(y, model.dtype)
    good = good_X & good_y
    if not good.all():
        X, y = X[good], y[good]
        if not good_y.all() and y.ndim == 1 and model.output.classifies and (y == np.round(y)).all():
            y = y.astype(np.intp)  # class indices that were floats because of NaN
    return FiniteExamples(X, y, int(np.count_nonzero(~good_X)), int(np.count_nonzero(good_X & ~good_y)))


def _finite_rows(array: Array, dtype: Any) -> Array:
    """Return for each example whether all its numbers are finite in ``dtype``."""
    if array.dtype.kind != "f":
        return np.ones(len(array), bool)
    with np.errstate(invalid="ignore"):
        good: Array = (np.abs(array) <= np.finfo(dtype).max).all(axis=tuple(range(1, array.ndim)))
    return good
