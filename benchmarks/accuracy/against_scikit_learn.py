"""The accuracy of nnlite.sklearn and of scikit-learn, and their times.

    python -m benchmarks.accuracy.against_scikit_learn --seeds 20

It writes the mean scores on the test examples with their standard errors, the mean difference of the two for the same
seed, and the medians of the seconds that `fit` took, over the seeds. NNLITE_MNIST and NNLITE_FASHION name folders with
images, if they are to be among the data sets.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import Any

import numpy as np
from sklearn import neural_network

import nnlite.sklearn
from benchmarks.accuracy.data import Data, data_sets


def measure(home: Any, data: Data, seed: int) -> tuple[float, float]:
    """Return the score and the seconds of a training with the default arguments."""
    X, X_test, y, y_test = data.split(seed)
    estimator = (home.MLPClassifier if data.classifies else home.MLPRegressor)(random_state=seed)
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, y)
    seconds = time.perf_counter() - start
    return estimator.score(X_test, y_test), seconds


def main() -> None:
    """Print a table with a row for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    options = parser.parse_args()
    print("| data | scikit-learn | nnlite | difference | scikit-learn, s | nnlite, s |")
    print(f"|{' --- |' * 6}")
    for data in data_sets():
        theirs, ours = (
            np.array([measure(home, data, seed) for seed in range(options.seeds)])
            for home in (neural_network, nnlite.sklearn)
        )
        texts = [
            f"{100 * runs[:, 0].mean():.2f} ± {100 * runs[:, 0].std() / len(runs) ** 0.5:.2f}"
            for runs in (theirs, ours)
        ]
        difference = f"{100 * (ours - theirs)[:, 0].mean():+.2f}"
        seconds = [f"{np.median(runs[:, 1]):.3f}" for runs in (theirs, ours)]
        print(f"| {' | '.join([data.name, *texts, difference, *seconds])} |", flush=True)


if __name__ == "__main__":
    main()
