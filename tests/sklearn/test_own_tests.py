"""scikit-learn's own tests of its perceptrons, and its checks of estimators, with the import replaced."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sklearn import neural_network
from sklearn.utils.estimator_checks import check_estimator, parametrize_with_checks

from nnlite.sklearn import MLPClassifier, MLPRegressor

ROOT = Path(__file__).parents[2]
THEIRS = Path(neural_network.__file__).parent / "tests" / "test_mlp.py"
IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
CONFTEST = """
import pytest


@pytest.fixture
def global_random_seed():
    return 42
"""


@pytest.mark.slow
def test_the_tests_of_the_installed_scikit_learn_pass(tmp_path, engine):
    text = THEIRS.read_text(encoding="utf-8")
    assert text.count(IMPORT) == 1
    (tmp_path / "test_mlp.py").write_text(
        text.replace(IMPORT, "from nnlite.sklearn import MLPClassifier, MLPRegressor\n")
    )
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "."],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-5000:]
    passed = re.search(r"(\d+) passed", run.stdout.splitlines()[-1])
    assert passed
    assert int(passed[1]) >= len(re.findall(r"^def test_", text, re.MULTILINE))
    assert not re.search(r"skipped|deselected|xfailed", run.stdout.splitlines()[-1])


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks([MLPClassifier(max_iter=20), MLPRegressor(max_iter=20)])
def test_a_check_of_estimators_passes(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("estimator", [MLPClassifier(), MLPRegressor()], ids=lambda estimator: type(estimator).__name__)
def test_check_estimator_passes_without_exceptions(estimator, engine):
    results = check_estimator(estimator, on_fail="raise")
    assert {result["status"] for result in results} <= {"passed", "skipped"}
    assert len(results) > 30
