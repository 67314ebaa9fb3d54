"""A table as the inputs of an exported network."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnlite.checks import Array
from nnlite.errors import ArgumentError
from nnlite.network.network import Network
from nnlite.onnx.tables import column_types
from nnlite.tables.encoders import labels_of, truths_of
from nnlite.tables.frames import frame_of
from nnlite.tables.kinds import numbers_of
from nnlite.tables.table import Table
from nnlite.words import explained


@explained
def inputs(model: Network, data: Any) -> dict[str, Array]:
    """Return a table as the inputs of the file that `export` writes, by their names.

    Parameters
    ----------
    model : Model
        A network that was trained on a table.
    data : Table, data frame or dict of columns
        Its columns may have any order.

    Returns
    -------
    dict of str to ndarray, (M, 1)
        Numbers as float64, booleans as 1 and 0, a missing value as NaN, and text, as ``InferenceSession.run`` of ONNX
        Runtime takes them.

    Raises
    ------
    ArgumentError
        If ``model`` is not a network that was trained on a table, a column is missing or unknown, or a value is not of
        the kind that it was in training.

    Examples
    --------
    >>> import nnlite as nn
    >>> pets = nn.Table({"size": [10, 30, 20, 40], "coat": ["long", "short", "long", "short"],
    ...                  "kind": ["cat", "dog", "cat", "dog"]}, target="kind")
    >>> model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
    >>> history = model.fit(pets, epochs=1, progress=False)
    >>> nn.onnx.inputs(model, {"size": [25.0], "coat": ["long"]})
    {'size': array([[25.]]), 'coat': array([['long']], dtype=object)}
    """
    if not isinstance(model, Network) or model.encoding is None:
        raise ArgumentError("model: expected a network that was trained on a table; others take an array, {'X': X}")
    encoding = model.encoding
    frame = data.features if isinstance(data, Table) else frame_of(data, "data")
    encoding.check_names(frame, "data")
    arrays = {}
    for (name, kind), encoder in zip(column_types(encoding).items(), encoding.columns, strict=True):
        column = frame.columns[encoder.name]
        try:
            encoder.check_plain(frame)
            encoder.encode(column, encoding.options)  # refuses what it cannot take
            if kind is str:
                array = labels_of(column, encoding.options).to_array().astype(object)
            elif encoder.kind == "boolean":
                array = truths_of(column, encoding.options)
            else:
                array = numbers_of(column, encoder.as_kind().notation, encoding.options)
        except ArgumentError as error:
            raise ArgumentError(f"data: {str(error).removeprefix('data: ')}") from None
        arrays[name] = np.asarray(array)[:, None]
    return arrays
