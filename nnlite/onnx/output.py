"""Which of the values of a program is what a network computes: of a classifier the probabilities, not the labels."""

from __future__ import annotations

from typing import NamedTuple

from nnlite.errors import ModelFileError
from nnlite.onnx.parsing import Node, Program, is_ml

AFTER = ("Identity", "Cast")  # operators behind the network that change nothing


class Ending(NamedTuple):
    """Where the network ends.

    Attributes
    ----------
    value : str
        The value that the network computes.
    class_names : list of str or None
        The names of its classes, if the file has labels.
    """

    value: str
    class_names: list[str] | None


def ending(program: Program) -> Ending:
    """Return where the network ends; ModelFileError if it has several outputs that may be meant."""
    producers = {name: node for node in program.nodes for name in node.outputs}
    values = [_behind(program, producers, output) for output in program.outputs]
    if len(set(values)) != 1:
        shown = ", ".join(map(repr, program.outputs[:10]))
        raise ModelFileError(f"has {len(set(values))} outputs ({shown}); expected one")
    return Ending(_without_complement(program, producers, values[0]), _class_names(program))


def _behind(program: Program, producers: dict[str, Node], output: str) -> str:
    """Return the value from which an output is made by operators that change no number."""
    node = producers.get(output)
    while node is not None and node.inputs and _changes_nothing(program, node):
        output, node = node.inputs[0], producers.get(node.inputs[0])
    return output


def _changes_nothing(program: Program, node: Node) -> bool:
    if node.operator == "Reshape":  # to one column: so skl2onnx ends each MLPRegressor, also one of several values
        shape = program.constants.get(node.inputs[-1])
        return shape is not None and shape.ravel().tolist() == [-1, 1]
    return node.operator in AFTER or is_ml(node, "ZipMap")


def _class_names(program: Program) -> list[str] | None:
    """Return the labels between which a file chooses, as text."""
    for node in program.nodes:
        if is_ml(node, "ArrayFeatureExtractor") and node.inputs[0] in program.constants:
            return [_text(label) for label in program.constants[node.inputs[0]].ravel().tolist()]
        if is_ml(node, "ZipMap"):
            labels = node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_int64s") or []
            return [str(label) for label in labels]
    return None


def _text(label: object) -> str:
    return label.decode(errors="replace") if isinstance(label, bytes) else str(label)


def _without_complement(program: Program, producers: dict[str, Node], value: str) -> str:
    """Return p for ``[1 - p, p]``, the two columns of a classifier with a single unit."""
    node = producers.get(value)
    if node is None or node.operator != "Concat" or len(node.inputs) != 2:
        return value
    complement, p = node.inputs
    other = producers.get(complement)
    if other is not None and other.operator == "Sub" and other.inputs[1] == p:
        one = program.constants.get(other.inputs[0])
        if one is not None and one.size == 1 and one.ravel()[0] == 1:
            return p
    return value
