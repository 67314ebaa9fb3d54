"""What a run writes: tables, a picture, raw figures and, if it is published, the figures in benchmarks/README.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import picture, report
from benchmarks.results import Results

PUBLISHED = Path(__file__).parent  # where the README shows the picture from
BEGIN, END = "<!-- figures: written by python -m benchmarks -->", "<!-- end of the figures -->"


def write(document: dict[str, Any], out: Path) -> None:
    """Write everything into a directory and say so.

    Parameters
    ----------
    document : dict
        As in results.json: ``machine``, ``run`` (``quick``, ``rounds``, ``about``, ``notes``) and ``measurements``.
    out : Path
    """
    results = Results.from_json(document["measurements"])
    machine, run = document["machine"], document["run"]
    text = report.render(results, machine, run["notes"], run["about"])
    (out / "results.md").write_text(text, encoding="utf-8")
    (out / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    title = f"{machine['processor']}, {machine['threads']} threads, {machine['date'][:10]}"
    title += ", --quick" if run["quick"] else ""
    picture.draw(results, out / "results.png", title)
    written = ["results.md", "results.png", "results.json"]
    readme = out / "README.md"
    if readme.exists() and BEGIN in readme.read_text(encoding="utf-8"):
        show_figures(readme, results, machine)
        written.append("README.md")
    print("\n" + text)
    for name in written:
        print(f"written: {out / name}")


def show_figures(readme: Path, results: Results, machine: dict[str, Any]) -> None:
    """Put the goals and what they were measured on between the two comments of a page."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    figures = "\n\n".join(["\n".join(report.machine_lines(machine)), *report.goals_table(results)])
    readme.write_text(f"{before}{BEGIN}\n\n{figures}\n\n{END}{after}", encoding="utf-8")


def rewrite(out: Path) -> None:
    """Write everything in a directory again from its results.json, after the words around the figures have changed."""
    write(json.loads((out / "results.json").read_text(encoding="utf-8")), out)
