"""Facts about the message of a process that compiles."""

import sys
import threading

import pytest

pytest.importorskip("numba")

from nnlite.engine import waiting

MESSAGE = "nnlite: compiling the engine for this processor, once ...\n"
pytestmark = pytest.mark.usefixtures("places")


@pytest.fixture(autouse=True)
def in_a_new_process(monkeypatch):
    monkeypatch.setattr(waiting, "_said", False)


def test_it_is_said_once(capsys):
    for _ in range(3):
        waiting.announce()
    assert capsys.readouterr() == ("", MESSAGE)


def test_silence_lasts_for_the_block_and_for_this_thread(capsys):
    with waiting.silent():
        waiting.announce()
        with waiting.silent(False):
            pass
        waiting.announce()
        assert capsys.readouterr().err == ""
        other = threading.Thread(target=waiting.announce)
        other.start()
        other.join()
    assert capsys.readouterr().err == MESSAGE


def test_after_silence_it_is_still_to_be_said(capsys):
    with waiting.silent(True):
        waiting.announce()
    waiting.announce()
    assert capsys.readouterr().err == MESSAGE


def test_a_process_without_standard_error_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    waiting.announce()
    monkeypatch.undo()
    assert capsys.readouterr() == ("", "")
