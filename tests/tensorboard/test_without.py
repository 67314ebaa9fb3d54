"""Without TensorBoard the error says how to install it."""

import sys

import pytest

import nnlite as nn


def test_the_error_names_the_extra(monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.split(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r'pip install "nnlite\[tensorboard\]"'):
        nn.TensorBoard(tmp_path)
