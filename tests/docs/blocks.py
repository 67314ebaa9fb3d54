"""Blocks of Python on Markdown pages, and how the tests run them."""

import importlib.util
import re
import textwrap

import matplotlib
from matplotlib import pyplot as plt

matplotlib.use("Agg")

CODE = re.compile(r"^```python\n(.*?)^```$|^\.\. plot::\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def code_blocks(page):
    """The blocks of a page in order, those of the directive ``plot`` among them."""
    text = page.read_text(encoding="utf-8")
    return [plain or _without_options(plot) for plain, plot in CODE.findall(text)]


def other_blocks(page):
    """The blocks of a page that are written in the language ``py``: they use another library."""
    return re.findall(r"^```py\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


# optional libraries, by what a block has that needs them
NEEDED = {"nn.onnx": "onnx", "nn.safetensors": "safetensors", "nn.keras": "h5py"} | {
    f"import {library}": library for library in ("onnx", "onnxruntime", "torch")
}


def missing_libraries(code):
    """The optional libraries that a block needs and that are not installed."""
    return [lib for word, lib in NEEDED.items() if word in code and importlib.util.find_spec(lib) is None]


def _without_options(plot):
    return textwrap.dedent(re.sub(r"^ *:.*\n", "", plot, flags=re.MULTILINE))


def run_code(code, namespace, capsys, where):
    """Run a block, and check that it prints what the comments behind its calls of ``print`` say."""
    exec(compile(code, str(where), "exec"), namespace)
    plt.close("all")
    printed = capsys.readouterr().out.splitlines()
    for expected in re.findall(r"^\s*print\(.*\)\s+# (.*)$", code, re.MULTILINE):
        assert expected in printed, f"{where}: {expected!r} is not among {printed}"
