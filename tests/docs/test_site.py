"""The documentation site: it is built without a warning, its links lead somewhere, and a browser shows it offline.

Sphinx and the rest come with ``pip install -e '.[docs]'``; the browser's tests also need Chromium, Node.js and
playwright-core, which ``tests/browser/install.sh`` brings. Where one of them is missing, the tests are skipped.
"""

import functools
import http.server
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BUILT = 600  # seconds
LOOKED = 600
OFTEN = ("Dense", "Model", "softmax-function", "Dataset", "metrics.f1", "plots.roc_curve")  # pages of the reference

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The directory of the built site."""
    for module in ("sphinx", "pydata_sphinx_theme", "myst_nb", "numpydoc", "sphinx_design"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install -e '.[docs]'")
    out = tmp_path_factory.mktemp("docs") / "html"
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html", str(DOCS), str(out)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=BUILT)
    assert result.returncode == 0, result.stderr
    return out


class Page(HTMLParser):
    """The anchors of a page, where its links lead, and what it loads."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.loaded = set(), [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        if tag == "link" and found.get("rel") != "canonical":
            self.loaded.append(found.get("href"))
        if found.get("src"):
            self.loaded.append(found["src"])


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in site.rglob("*.html")}


def test_links_and_anchors_lead_somewhere(site, pages):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            target = urlsplit(link)
            if target.scheme in ("http", "https", "mailto"):
                continue
            file = (path.parent / unquote(target.path)).resolve() if target.path else path
            anchor = unquote(target.fragment)
            if not file.is_file() or (anchor and file in pages and anchor not in pages[file].anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_a_network(pages):
    outside = {url for page in pages.values() for url in page.loaded if urlsplit(url).scheme not in ("", "data")}
    assert outside == set()


def test_each_notebook_and_each_page_is_there(site):
    sources = [*DOCS.glob("*/[a-z]*.md"), *DOCS.glob("reference/*.rst"), *(DOCS.parent / "notebooks").glob("*.ipynb")]
    assert len(sources) > 40
    for source in sources:
        folder = "tutorial" if source.suffix == ".ipynb" else source.parent.name
        assert (site / folder / f"{source.stem}.html").is_file(), source


@pytest.fixture(scope="module")
def seen(site, tmp_path_factory):
    """What a browser finds wrong with the pages, and finds when it searches, on a machine without a network."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    node = shutil.which("node")
    if not (chromium and node):
        pytest.skip(f"there is no {'Node.js' if chromium else 'Chromium'}: tests/browser/install.sh")
    if subprocess.run([node, "-e", "require.resolve('playwright-core')"], check=False, capture_output=True).returncode:
        pytest.skip("NODE_PATH leads to no playwright-core: tests/browser/install.sh")
    names = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    often = {f"reference/generated/nnlite.{name}.html" for name in OFTEN}
    names = sorted(name for name in names if not name.startswith("_") and ("generated" not in name or name in often))
    assert often <= {*names}
    handler = functools.partial(QuietHandler, directory=site)
    folder = tmp_path_factory.mktemp("browser")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        script, url = Path(__file__).parent / "look.js", f"http://127.0.0.1:{server.server_port}/"
        command = [node, str(script), chromium, url, str(folder), "BatchNorm", *names]
        result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=LOOKED, env=os.environ)
        server.shutdown()
    print(f"screenshots: {folder}")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word about it."""

    def log_message(self, *args):
        """Say nothing."""


def test_pages_are_typeset_and_fit_a_desk_and_a_phone(seen):
    assert len(seen["pages"]) > 100
    assert {page: wrong for page, wrong in seen["pages"].items() if wrong} == {}


def test_the_search_finds_a_layer(seen):
    assert seen["search"] == []
    assert any("nnlite.BatchNorm" in link for link in seen["results"])
    assert any("textbook/normalization" in link for link in seen["results"])
