"""The examples in docstrings begin with their imports, so that a reader can paste them into a new session.

That they give what they show is tested beside them: pytest runs each with the names of its module.
"""

import builtins
import doctest
import importlib
import inspect
import symtable

import nnlite as nn

from ..support import for_each

HOUSES = ["augment", "datasets", "functional", "images", "initializers", "inspect", "keras", "metrics", "mpi", "onnx"]
HOUSES += ["plots", "safetensors", "schedules", "tables"]
PARSER = doctest.DocTestParser()


def public_objects():
    """The public classes and functions by name, those of public modules too, and the methods of the classes."""
    found = {name: getattr(nn, name) for name in nn.__all__}
    for house in HOUSES:
        module = importlib.import_module(f"nnlite.{house}")
        found |= {f"{house}.{name}": getattr(module, name) for name in getattr(module, "__all__", ())}
    for name, value in [*found.items()]:
        if inspect.isclass(value):
            found |= {f"{name}.{method}": member for method, member in vars(value).items() if method[0] != "_"}
    return found


def names(source):
    """The names that code takes from its surroundings, and those that it leaves there."""
    taken, left = set(), set()
    tables = [symtable.symtable(source, "example", "exec")]
    for table in tables:
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" and (symbol.is_assigned() or symbol.is_imported()):
                left.add(symbol.get_name())
            elif symbol.is_global() or table.get_type() == "module":
                taken.add(symbol.get_name())
    return taken - {*dir(builtins)}, left


def missing(docstring):
    """The names that an example uses before an example has defined them."""
    known, unknown = set(), set()
    for example in PARSER.get_examples(docstring):
        taken, left = names(example.source)
        if not example.options.get(doctest.SKIP):  # such an example takes files that the reader would have
            unknown |= taken - known - left
        known |= left
    return unknown


EXAMPLES = {name: inspect.getdoc(value) for name, value in public_objects().items() if ">>>" in str(value.__doc__)}


@for_each("name", [*EXAMPLES])
def test_an_example_needs_no_names_but_its_own(name):
    assert not missing(EXAMPLES[name])


def test_nearly_every_public_name_has_an_example_that_was_looked_at():
    assert len(EXAMPLES) > 150


def test_a_name_that_the_module_would_lend_is_found():
    assert missing(">>> np.zeros(2)\n>>> import numpy as np\n>>> np.ones(2)") == {"np"}
    assert missing(">>> def f(x):\n...     return relu(x)\n") == {"relu"}
    assert not missing(">>> import nnlite as nn\n>>> [nn.relu(x) for x in (1, 2)]\n")
