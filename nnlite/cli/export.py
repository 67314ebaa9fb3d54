"""``nnlite export``: the weights, the description or the history of a run in the formats of other programs."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import tempfile
from typing import Any

import numpy as np

from nnlite.cli.codes import DONE
from nnlite.cli.output import say, write_bytes
from nnlite.cli.parser import Parser, one_of
from nnlite.cli.runs import Config, load_run, read_history, read_results
from nnlite.errors import ArgumentError
from nnlite.model import Model
from nnlite.network.summary import layer_rows
from nnlite.storage.layers_json import encode_layers

FORMATS = ("npz", "json", "csv", "onnx", "safetensors")


def add_export(commands: Any) -> Parser:
    """Add the command ``export`` to the commands of the program."""
    parser: Parser = commands.add_parser(
        "export",
        usage="nnlite export RUN -o FILE [--format npz|json|csv|onnx|safetensors]",
        help="write a run as .npz, .json, .csv, .onnx or .safetensors",
        description="Write what other programs read. The ending of FILE decides:\n"
        "  .npz   the parameters as arrays W1, b1, W2, ..., for numpy.load\n"
        "  .json  layers, options and scores of the run, and its parameters as lists with --parameters\n"
        "  .csv   the history, a row for each epoch\n"
        "  .onnx  the network, for ONNX Runtime and others\n"
        "  .safetensors  the parameters by PyTorch's names",
    )
    parser.set_defaults(run=_export)
    parser.add_argument("model", metavar="RUN", help="a run directory, or a model file")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="where to write; '-': standard output")
    parser.add_argument("--format", type=one_of(FORMATS), help="in place of the ending of FILE")
    parser.add_argument("--parameters", action="store_true", help="json: write the parameters too")
    return parser


def _export(options: argparse.Namespace) -> int:
    """Write the file and return the exit code."""
    kind = options.format or os.path.splitext(options.output)[1].lstrip(".").lower()
    if kind not in FORMATS:
        raise ArgumentError(
            f"-o: expected a name that ends in .npz, .json, .csv, .onnx or .safetensors, or --format, "
            f"got {options.output!r}"
        )
    if options.parameters and kind != "json":
        raise ArgumentError(f"--parameters: is for json, and {kind} was asked for")
    content = _csv(options.model) if kind == "csv" else _of_model(options, kind)
    write_bytes(options.output, [content])
    if options.output != "-":
        say(options.output)
    return DONE


def _of_model(options: argparse.Namespace, kind: str) -> bytes:
    model, config = load_run(options.model)
    if kind == "npz":
        buffer = io.BytesIO()
        arrays: dict[str, Any] = dict(model.parameters)
        np.savez(buffer, **arrays)
        return buffer.getvalue()
    if kind in ("onnx", "safetensors"):
        return _by_library(model, kind)
    content = _description(model, config)
    if os.path.isdir(options.model):
        content["results"] = dict(read_results(options.model))
    if options.parameters:
        content["parameters"] = {name: array.tolist() for name, array in model.parameters.items()}
    return (json.dumps(content, indent=2) + "\n").encode()


def _by_library(model: Model, kind: str) -> bytes:
    """Return what `nnlite.onnx` or `nnlite.safetensors` writes."""
    from nnlite import onnx, safetensors

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model")
        (onnx.export if kind == "onnx" else safetensors.save)(model, path)
        with open(path, "rb") as file:
            return file.read()


def _description(model: Model, config: Config | None) -> dict[str, Any]:
    """Return what a network is, in plain values."""
    found: dict[str, Any] = {
        "layers": encode_layers(model.layers)[0],
        "shapes": [[name, shape, parameters] for name, shape, parameters in layer_rows(model)],
        "n_parameters": model.n_parameters,
        "dtype": model.dtype.name,
        "input_shape": list(model.input_shape or ()),
        "class_names": None if model.class_names is None else list(model.class_names),
    }
    encoding = model.encoding
    if encoding is not None:
        found["columns"] = list(encoding.names)
        found["feature_names"] = list(encoding.feature_names)
        found["target"] = encoding.target_name
    if model.image_encoding is not None:
        found["image_encoding"] = model.image_encoding.to_json()
    if config is not None:
        found["options"] = config.options
    return found


def _csv(path: str) -> bytes:
    """Return the history of a run directory as a CSV file."""
    if not os.path.isdir(path):
        raise ArgumentError(f"RUN: the history belongs to a run directory, got {path!r}")
    history = read_history(path)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["epoch", *history])
    writer.writerows([epoch, *row] for epoch, row in enumerate(zip(*history.values(), strict=True), start=1))
    return buffer.getvalue().encode()
