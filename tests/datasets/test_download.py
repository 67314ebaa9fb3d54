"""Facts about downloads: the content is verified, or the message says what was tried."""

import io
import socket
import sys

import pytest

from nnlite.datasets import download as module
from nnlite.datasets.download import download
from nnlite.errors import DataFileError

from ..support import Terminal

CONTENT = bytes(range(256)) * 1000


def verify(content, url):
    if content != CONTENT:
        raise DataFileError(f"{url}: is another file")


def test_the_first_mirror_with_the_right_content_is_taken(serve):
    mirrors = [serve({}), serve({"a": CONTENT[:-10]}), serve({"a": CONTENT}), serve({"a": CONTENT})]
    assert download([f"{mirror.url}a" for mirror in mirrors], verify, progress=False) == CONTENT
    assert [mirror.asked for mirror in mirrors] == [["a"], ["a"], ["a"], []]


def test_the_message_says_what_went_wrong_at_each_mirror(serve, gone):
    missing, other = serve({}), serve({"a": b"<html>moved</html>"})
    with pytest.raises(DataFileError) as raised:
        download([f"{missing.url}a", f"{other.url}a", f"{gone}a"], verify, progress=False)
    lines = str(raised.value).splitlines()
    assert lines[0] == "cannot be downloaded:"
    assert lines[1].startswith(f"  {missing.url}a: HTTP Error 404")
    assert lines[2] == f"  {other.url}a: is another file"
    assert lines[3].startswith(f"  {gone}a: ")
    assert "refused" in lines[3]


def test_a_download_without_end_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(module, "LARGEST", 1000)
    with pytest.raises(DataFileError, match="is larger than 1000 bytes"):
        download([f"{serve({'a': CONTENT}).url}a"], verify, progress=False)


def test_a_mirror_that_does_not_answer_is_given_up(serve, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(DataFileError, match=f"{url}: timed out"):
            download([url], verify, progress=False)


# --- the progress bar -------------------------------------------------------------------------------------


def test_a_terminal_shows_the_progress(serve, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    download([f"{serve({'a.gz': CONTENT}).url}a.gz"], verify, progress=True)
    assert "a.gz: 100%" in sys.stderr.getvalue()


@pytest.mark.parametrize(
    ("stream", "progress"),
    [(Terminal(), False), (io.StringIO(), True), (None, True)],
    ids=["not asked for", "no terminal", "no stream"],
)
def test_nothing_is_shown_where_nobody_looks_or_asks(serve, monkeypatch, stream, progress):
    monkeypatch.setattr(sys, "stderr", stream)
    download([f"{serve({'a': CONTENT}).url}a"], verify, progress)
    assert stream is None or stream.getvalue() == ""
