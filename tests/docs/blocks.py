"""Blocks of Python on Markdown pages, and how the tests run them."""

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


def _without_options(plot):
    return textwrap.dedent(re.sub(r"^ *:.*\n", "", plot, flags=re.MULTILINE))


def run_code(code, namespace, capsys, where):
    """Run a block, and check that it prints what the comments behind its calls of ``print`` say."""
    exec(compile(code, str(where), "exec"), namespace)
    plt.close("all")
    printed = capsys.readouterr().out.splitlines()
    for expected in re.findall(r"^\s*print\(.*\)\s+# (.*)$", code, re.MULTILINE):
        assert expected in printed, f"{where}: {expected!r} is not among {printed}"
