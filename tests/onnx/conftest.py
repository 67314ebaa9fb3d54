"""What the tests of ONNX share. They are skipped where onnx or ONNX Runtime is not installed."""

import importlib.util

MISSING = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
collect_ignore_glob = ["*.py"] if MISSING else []
