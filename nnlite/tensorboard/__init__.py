"""The callback `TensorBoard`, which logs a training. It needs ``pip install "nnlite[tensorboard]"``."""

from nnlite.tensorboard.callback import TensorBoard

__all__ = ["TensorBoard"]
