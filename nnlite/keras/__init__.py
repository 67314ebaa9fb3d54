"""Networks and weights from the files of Keras 3, without Keras. Needs ``nnlite[keras]``, which is h5py."""

from nnlite.keras.loading import load, load_weights

__all__ = ["load", "load_weights"]


def __dir__() -> list[str]:
    return __all__
