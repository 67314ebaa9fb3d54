"""Facts about what the compiled engine lacks."""

import sys

import numpy as np
import pytest

from nnlite.engine import availability


@pytest.fixture(autouse=True)
def looked_up_again():
    availability.version.cache_clear()
    yield
    availability.version.cache_clear()


def test_the_version_of_a_package_is_found_without_importing_it(monkeypatch):
    assert availability.version("numpy") == np.__version__
    assert availability.version("no_such_package") is None
    monkeypatch.setattr(
        sys, "modules", {name: m for name, m in sys.modules.items() if not name.startswith("hypothesis")}
    )
    assert availability.version("hypothesis") is not None
    assert "hypothesis" not in sys.modules


def test_a_package_without_metadata_has_an_unknown_version(monkeypatch, tmp_path):
    (tmp_path / "bare_package.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    assert availability.version("bare_package") == "unknown"


@pytest.mark.parametrize(
    ("version", "lacking"),
    [
        (None, "Numba is not installed"),
        ("0.61.2", "Numba 0.61.2 is older than 0.62"),
        ("0.62.0", ""),
        ("0.62.0rc1", ""),
        ("0.100.0", ""),
        ("1.0", ""),
        ("unknown", ""),
    ],
)
def test_numba_must_be_installed_and_new_enough(monkeypatch, version, lacking):
    monkeypatch.setattr(availability, "version", lambda package: version)
    assert availability.missing() == lacking
    monkeypatch.undo()
