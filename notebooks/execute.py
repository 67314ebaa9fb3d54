"""Run notebooks, each in a fresh kernel, and write them back with clean outputs.

    pip install -e '.[notebooks]'
    python notebooks/execute.py                                 # all of them
    python notebooks/execute.py notebooks/4_spirals.ipynb       # these
    python notebooks/execute.py --into /tmp/try                 # leave the originals unchanged

Run this script after you edit a notebook (in JupyterLab, for example) and before you commit it. The script removes
execution counts, widgets, progress bars and all metadata except the kernel's name, and stores pictures with 256
colors. So a second run writes the same file. If a notebook fails, warns, or shows a path or a memory address of this
machine, the script stops and leaves the file unchanged.

The kernels compute with one thread, so that numbers are added in the same order on every machine. The file
matplotlibrc in this directory sets the size and colors of pictures.
"""

import argparse
import base64
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
ADDRESS = re.compile(r"\bat 0x[0-9a-f]{6,}")
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def execute(path: Path, timeout: float = 600) -> Any:
    """Run the notebook and return it with its outputs, cleaned."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    clean(notebook)
    nbformat.validate(notebook)
    return notebook


def clean(notebook: Any) -> None:
    """Remove what differs from run to run, in place. Raise ValueError for warnings and traces of this machine."""
    notebook["metadata"] = dict(METADATA)
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        cell.pop("attachments", None)
        if cell["cell_type"] == "code":
            cell["execution_count"] = None
            cell["outputs"] = [output for output in cell["outputs"] if not _is_progress_bar(output)]
            for output in cell["outputs"]:
                _clean_output(output)


def _is_progress_bar(output: Any) -> bool:
    """Whether the output is a progress bar: a widget, or text that overwrites itself."""
    if output["output_type"] == "stream":
        return output["name"] == "stderr" and "\r" in output["text"]
    return WIDGET in output.get("data", {})


def _clean_output(output: Any) -> None:
    """Clean one output in place."""
    if output["output_type"] == "stream" and output["name"] == "stderr":
        raise ValueError(f"a notebook must not warn: {output['text']}")
    if output["output_type"] == "execute_result":
        output["execution_count"] = None
    if "metadata" in output:
        output["metadata"] = {}
    data = output.get("data", {"text/plain": output.get("text", "")})
    if "image/png" in data:  # then the text is only "<Figure size 480x320 with 1 Axes>"
        data.pop("text/plain", None)
        data["image/png"] = _smaller(data["image/png"])
    for kind, text in data.items():
        if kind.startswith("text/"):
            _refuse_traces_of_this_machine("".join(text))


def _smaller(picture: str) -> str:
    """Return the PNG with 256 colors and without metadata, which halves its size."""
    from PIL import Image

    smaller = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return base64.b64encode(smaller.getvalue()).decode("ascii")


def _refuse_traces_of_this_machine(text: str) -> None:
    for place in {str(HERE.parent), str(Path.home()), tempfile.gettempdir(), sys.prefix}:
        if place != "/" and place in text:
            raise ValueError(f"a notebook must not show a path of this machine ({place}): {text[:500]}")
    if ADDRESS.search(text):
        raise ValueError(f"a notebook must not show an address in memory: {text[:500]}")


def main() -> None:
    """Run the notebooks named on the command line."""
    parser = argparse.ArgumentParser(description="Run notebooks and write them back with clean outputs.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="by default all notebooks beside this script")
    parser.add_argument("--into", type=Path, metavar="DIRECTORY", help="where to write them (default: in place)")
    arguments = parser.parse_args()

    import nbformat

    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))  # inherited by the kernels
    for path in arguments.notebooks or sorted(HERE.glob("*.ipynb")):
        start = time.perf_counter()
        try:
            notebook = execute(path)
        except Exception as error:
            raise SystemExit(COLOR.sub("", f"{path.name}: {error}")) from None
        target = path
        if arguments.into:
            arguments.into.mkdir(parents=True, exist_ok=True)
            target = arguments.into / path.name
        nbformat.write(notebook, target)
        kilobytes = target.stat().st_size / 1000
        print(f"{path.name}: {time.perf_counter() - start:.0f} s, {kilobytes:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
