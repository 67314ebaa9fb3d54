"""nnlite beside PyTorch, JAX, Keras, scikit-learn and ONNX Runtime on this machine: ``python -m benchmarks``."""
