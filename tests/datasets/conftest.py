"""A mirror on this machine, for the tests that download."""

import http.server
import threading
from contextlib import ExitStack, contextmanager

import pytest


class Mirror(http.server.HTTPServer):
    """A server with ``files`` (content by name); ``asked`` lists the names that were requested."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.asked = dict(files), []
        self.url = f"http://127.0.0.1:{self.server_port}/mnist/"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.rpartition("/")[2]
        self.server.asked.append(name)
        content = self.server.files.get(name)
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@contextmanager
def running(files):
    with Mirror(files) as mirror:
        thread = threading.Thread(target=mirror.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield mirror
        finally:
            mirror.shutdown()
            thread.join()


@pytest.fixture
def serve(monkeypatch):
    """``serve(files)`` starts a Mirror that runs until the end of the test."""
    monkeypatch.setenv("no_proxy", "*")
    with ExitStack() as stack:
        yield lambda files: stack.enter_context(running(files))


@pytest.fixture
def gone(serve):
    """The address of a mirror that is switched off."""
    with running({}) as mirror:
        return mirror.url
