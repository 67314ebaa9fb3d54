"""Which modules of nnlite are not collected, since the library that they are for is not installed."""

import importlib.util

NEEDED = {
    "nnlite/sklearn/*": "sklearn",
    "nnlite/onnx/*": "onnx",
    "nnlite/safetensors.py": "safetensors",
    "nnlite/keras/*": "h5py",
}

collect_ignore_glob = [path for path, library in NEEDED.items() if importlib.util.find_spec(library) is None]
