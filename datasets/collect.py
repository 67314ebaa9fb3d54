"""Write digits.csv.gz and iris.csv next to this script, with the data of the installed scikit-learn package.

    python datasets/collect.py

The files store no time, so the same data give the same bytes. README.md names the version of scikit-learn.
"""

import gzip
from pathlib import Path

from sklearn.datasets import load_digits, load_iris

HERE = Path(__file__).parent


def write_digits() -> None:
    """Write one line per image: 64 pixels 0..16 row by row, then the digit."""
    images, labels = load_digits(return_X_y=True)
    lines = [
        ",".join(f"{number:.0f}" for number in (*pixels, label)) + "\n"
        for pixels, label in zip(images, labels, strict=True)
    ]
    path = HERE / "digits.csv.gz"
    # no file name and no time in the gzip header: both would differ from run to run
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as archive:
        archive.write("".join(lines).encode("ascii"))


def write_iris() -> None:
    """Write a header, then one line per flower: four lengths in cm and the species."""
    iris = load_iris()
    lines = [",".join([*iris.feature_names, "species"]) + "\n"]
    for lengths, label in zip(iris.data, iris.target, strict=True):
        lines.append(",".join([*(f"{length:.1f}" for length in lengths), iris.target_names[label]]) + "\n")
    (HERE / "iris.csv").write_text("".join(lines), encoding="ascii", newline="\n")


if __name__ == "__main__":
    write_digits()
    write_iris()
