"""Facts about ``nnlite warm-up``."""

import os
import re
import sys

import pytest

from nnlite.engine import availability
from nnlite.engine.language import KERNELS


@pytest.fixture(autouse=True)
def in_an_empty_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("NNLITE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def nothing_is_loaded(monkeypatch):
    """``nothing_is_loaded()`` makes this process forget the kernels that it has loaded."""
    pytest.importorskip("numba")
    from nnlite.engine import library, starting

    monkeypatch.setattr(starting, "_found", [])
    library.forget()
    yield library.forget
    library.forget()


@pytest.fixture
def two_kernels(monkeypatch, nothing_is_loaded):
    from nnlite.engine import warm_up

    kernels = {name: KERNELS[name] for name in ("relu_forward", "on_units")}
    monkeypatch.setattr(warm_up, "KERNELS", kernels)


@pytest.mark.slow
def test_all_kernels_are_compiled_and_kept(run, two_kernels):
    from nnlite.engine import cache

    code, out, err = run("warm-up --dtype float32")
    assert (code, err) == (0, "")
    folder = cache.folder()
    assert re.fullmatch(rf"float32: 2 kernels in [\d.]+ s\nkept in {folder}\n", out)
    kernels = [f"nnlite_{name}_float32.kernel" for name in ("relu_forward", "on_units", "tiles")]
    assert sorted(os.listdir(folder)) == sorted([*kernels, "nnlite_start.kernel", "processor.kernel"])


@pytest.mark.slow
def test_by_default_there_are_both_types_of_numbers_and_nothing_is_compiled_twice(
    run, two_kernels, nothing_is_loaded, monkeypatch
):
    from nnlite.engine import cache

    assert run("warm-up")[0] == 0
    nothing_is_loaded()

    def fail(*arguments):
        raise AssertionError(arguments)

    monkeypatch.setattr(cache, "write", fail)
    code, out, _ = run("warm-up")
    assert code == 0
    assert re.match(r"float32: 2 kernels in .*\nfloat64: 2 kernels in ", out)


def test_without_numba_it_says_how_to_install_it(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    availability.version.cache_clear()
    code, out, err = run("warm-up")
    availability.version.cache_clear()
    assert (code, out) == (1, "")
    assert err.startswith("nnlite: error: the compiled engine cannot be used, since Numba is not installed; ")
    assert err.endswith('; pip install "nnlite[fast]"\n')


def test_if_nothing_can_be_kept_it_does_not_compile(run, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("NNLITE_CACHE", os.devnull)
    monkeypatch.setattr("tempfile.tempdir", os.devnull)
    code, out, err = run("warm-up")
    assert (code, out) == (1, "")
    assert (
        err
        == "nnlite: error: no cache folder can be written; set the environment variable NNLITE_CACHE to one that can\n"
    )


def test_a_kernel_that_reads_other_numbers_has_a_variant_for_each_type():
    pytest.importorskip("numba")
    from nnlite.engine.warm_up import all_kernels

    variants = {variant for name, variant in all_kernels() if name == "gather"}
    assert variants >= {"float32", "float64", "uint8", "int64", "bool"}
    names = [name for name, variant in all_kernels() if not variant]
    assert len(set(names)) == len(names) == len(KERNELS) - 1


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_kernel_can_be_compiled(run, nothing_is_loaded, dtype, monkeypatch):
    """In the user's cache, where other tests leave the kernels that they compile, and find these."""
    from nnlite.engine import cache
    from nnlite.engine.warm_up import all_kernels

    monkeypatch.delenv("NNLITE_CACHE")
    assert run(f"warm-up --dtype {dtype}")[0] == 0
    kept = {f"nnlite_tiles_{dtype}"} | {
        "_".join(["nnlite", name, dtype, *filter(None, [variant])]) for name, variant in all_kernels()
    }
    assert {f"{name}.kernel" for name in kept} <= {*os.listdir(cache.folder())}
