"""joblib sends trainings to the workers of a Dask cluster: those of the estimators, and those of a plain function."""

import os
import socket
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score

import nnlite as nn
from nnlite.sklearn import MLPClassifier

from .common import cancer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def classifier():
    return MLPClassifier((10,), max_iter=5, random_state=0)


@pytest.fixture(scope="module")
def dask():
    """A client of a scheduler with two workers, each of them a process that was started by its command."""
    distributed = pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    started = [["dask_scheduler", "--host", "127.0.0.1", "--port", address.split(":")[1], "--no-dashboard"]]
    started += 2 * [["dask_worker", f"tcp://{address}", "--nthreads", "1", "--no-nanny", "--no-dashboard"]]
    log = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [
        subprocess.Popen([sys.executable, "-m", f"distributed.cli.{name}", *options], **log)
        for name, *options in started
    ]
    try:
        with warnings.catch_warnings(action="ignore"), distributed.Client(address, timeout="60s") as client:
            client.wait_for_workers(2, timeout=60)
            yield client
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def test_dask_searches_hyperparameters_on_its_workers(dask):
    X, y = cancer()
    grid = {"alpha": [1e-4, 0.1, 10.0], "learning_rate_init": [1e-3, 0.1]}
    alone = GridSearchCV(classifier(), grid, cv=3).fit(X, y)
    with joblib.parallel_config("dask"):
        together = GridSearchCV(classifier(), grid, cv=3, n_jobs=-1).fit(X, y)
        scores = cross_val_score(classifier(), X, y, cv=3, n_jobs=2)
    np.testing.assert_allclose(together.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert together.best_params_ == alone.best_params_
    np.testing.assert_allclose(scores, cross_val_score(classifier(), X, y, cv=3))


def trained(learning_rate, units):
    """A plain function that trains a network, as the guide has it. It tells the process as well."""
    digits = nn.load_digits()
    model = nn.Model([nn.Dense(units), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    history = model.fit(
        digits.X_train, digits.y_train, optimizer=nn.Adam(learning_rate), epochs=3, validation_split=0.2, progress=False
    )
    return history["val_loss"], os.getpid()


def test_dask_calls_a_plain_function_on_its_workers(dask):
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the workers cannot import this module
    settings = [(rate, units) for rate in (1e-3, 1e-2) for units in (16, 32, 64)]
    try:
        with joblib.parallel_config("dask"):
            found = joblib.Parallel(n_jobs=2)(joblib.delayed(trained)(*setting) for setting in settings)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    processes = {pid for _, pid in found}
    assert len(processes) == 2
    assert os.getpid() not in processes
    for (losses, _), setting in zip(found, settings, strict=True):
        np.testing.assert_allclose(losses, trained(*setting)[0], rtol=1e-5)
