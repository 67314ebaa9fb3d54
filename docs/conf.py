"""Settings of the documentation site: ``python -m sphinx -W --keep-going -b html docs docs/_build``.

Notebooks, benchmarks and the notes on the data sets are written elsewhere in the repository. They are copied to where
Sphinx finds them, so that each is one text. Nothing on the site is loaded from a network: MathJax comes from an
installed package.
"""

import functools
import importlib.metadata
import operator
import re
import shutil
from pathlib import Path

from sphinx.util.nodes import make_refnode

import nnlite

DOCS = Path(__file__).parent
ROOT = DOCS.parent

project = "nnlite"
author = "the nnlite authors"
version = release = nnlite.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "matplotlib.sphinxext.plot_directive",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
]
exclude_patterns = ["_build", "_templates", "jupyter_execute"]
templates_path = ["_templates"]
nitpicky = True  # a reference that leads nowhere is a warning, and warnings are errors

# ---- pages -----------------------------------------------------------------------------------------------------

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # notebooks are shown as they are committed
nb_ipywidgets_js = {}  # else every notebook would load scripts from a network
nb_merge_streams = True

plot_include_source = True
plot_html_show_formats = False
plot_html_show_source_link = False
plot_formats = [("png", 110)]
plot_rcparams = {"figure.constrained_layout.use": True, "savefig.bbox": "standard"}
plot_apply_rcparams = True

# ---- reference -------------------------------------------------------------------------------------------------

add_module_names = False
maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the types stand in the docstrings
autosummary_generate = True
default_role = "py:obj"  # `Dense` in a docstring is a link
numpydoc_show_class_members = False  # the template lists them
numpydoc_class_members_toctree = False

# Pages are files, and some systems take Softmax.html and softmax.html for the same one.
_names = {name.lower(): name for name in nnlite.__all__ if not name.islower()}
autosummary_filename_map = {
    f"nnlite.{name}": f"nnlite.{name}-function" for name in nnlite.__all__ if name.islower() and name in _names
}

# For the template: classes that derive from a public one, and the page of the textbook that has a name's equations.
_classes = {name: found for name in nnlite.__all__ if isinstance(found := getattr(nnlite, name), type)}
_equations = {
    name: f"/textbook/{page.stem}"
    for page in DOCS.glob("textbook/*.md")
    for name in re.findall(r"{py:class}`~nnlite\.(\w+)`", page.read_text(encoding="utf-8"))
}
autosummary_context = {
    "derived": [name for name, found in _classes.items() if found.__base__ in _classes.values()],
    "equations": _equations,
}

# Base classes, and types of other libraries, that have no page here.
nitpick_ignore_regex = [
    ("py:.*", r"(numpy|np|matplotlib|pandas|tqdm|IPython|collections|typing|os|functools)\..*"),
    ("py:.*", r"(object|dict|list|tuple|str|int|float|bool|ValueError|TypeError|ArithmeticError|AttributeError)"),
]

# ---- HTML ------------------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "nnlite"
html_theme_options = {
    "logo": {"text": "nnlite", "image_light": "_static/nnlite.svg", "image_dark": "_static/nnlite.svg"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": ["theme-version"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {"index": [], "errors": [], "changes": []}
html_show_sourcelink = False
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False
html_favicon = "_static/nnlite.svg"
html_context = {"default_mode": "auto"}

# MathJax in one file, from the package sphinx-mathjax-offline; no other file of it is needed.
_mathjax = importlib.metadata.distribution("sphinx-mathjax-offline").locate_file(
    "sphinx-mathjax-offline/static/mathjax/tex-svg-full.js"
)
html_static_path = ["_static", str(_mathjax)]
html_css_files = ["nnlite.css"]
mathjax_path = "tex-svg-full.js"
mathjax3_config = {"svg": {"fontCache": "global"}}
myst_mathjax_classes = "tex2jax_process|mathjax_process|math|output_area|tex"  # tex: the equations of nn.trace


# ---- copies ----------------------------------------------------------------------------------------------------

# Texts that are written elsewhere in the repository, and the page that each becomes.
COPIED = {
    "CONTRIBUTING.md": "inside/contributing.md",
    "benchmarks/README.md": "benchmarks/measured.md",
    "benchmarks/results.md": "benchmarks/results.md",
    "benchmarks/results.png": "benchmarks/results.png",
    "datasets/README.md": "guides/data_sources.md",
} | {f"notebooks/{path.name}": f"tutorial/{path.name}" for path in ROOT.glob("notebooks/*.ipynb")}

LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)([^)#]*)(#[^)]*)?\)")


def copy_pages(app):
    """Copy what is written elsewhere in the repository to where Sphinx finds it, and remove what has left."""
    for path in DOCS.glob("tutorial/*.ipynb"):
        if f"notebooks/{path.name}" not in COPIED:
            path.unlink()
    for path in DOCS.glob("reference/generated/*.rst"):
        if not _exists(path.stem.removeprefix("nnlite.").removesuffix("-function")):
            path.unlink()
    for source, page in COPIED.items():
        if source.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            folder = (ROOT / source).parent
            _write(DOCS / page, LINK.sub(functools.partial(_on_the_site, folder=folder, page=page), text))
        else:
            shutil.copy2(ROOT / source, DOCS / page)


def _exists(name):
    """Whether nnlite has such a name, "Dense" or "metrics.f1"."""
    try:
        operator.attrgetter(name)(nnlite)
    except AttributeError:
        return False
    return True


def _on_the_site(link, folder, page):
    """A link to a page of the site or, if it leads to another file of the repository, that file's path."""
    text, target, anchor = link.groups()
    path = (folder / target).resolve().relative_to(ROOT).as_posix()
    found = COPIED.get(path) or {"CHANGELOG.md": "changes.md", "README.md": "index.md"}.get(path)
    found = found or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    if found is None:
        return f"`{path}`"
    return f"[{text}]({'../' * page.count('/')}{found}{anchor or ''})"


def _write(path, text):
    """Write a file if its content has changed: Sphinx reads again what is new."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


# ---- docstrings ------------------------------------------------------------------------------------------------


def skip_member(app, what, name, member, skip, options):
    """Leave out the fields of named tuples, which the class's own docstring explains."""
    return True if (getattr(member, "__doc__", None) or "").startswith("Alias for field number") else None


def public_bases(app, name, obj, options, bases):
    """Name those base classes only that have a page."""
    bases[:] = [base for base in bases if base.__name__ in nnlite.__all__ or base.__module__ == "builtins"]
    bases[:] = bases or [object]


# what docstrings mean by `nnlite.metrics` and the like; of other modules, the map of the house
MODULES = {
    "nnlite.metrics": "reference/metrics",
    "nnlite.plots": "reference/plots",
    "nnlite.schedules": "reference/schedules",
}


def resolve_short_name(app, env, node, contnode):
    """Find what a docstring means by `fit`, `Model.fit`, or `forward` in a class that inherits it."""
    target = node.get("reftarget", "")
    document = node.get("refdoc", "")
    module = ROOT / target.replace(".", "/")
    if target.startswith("nnlite.") and (module.is_dir() or module.with_suffix(".py").is_file()):
        return make_refnode(app.builder, document, MODULES.get(target, "inside/house"), "", contnode)
    inherited = [f"nnlite.{base.__name__}" for base in _bases(node.get("py:class"))]
    for owner in ["nnlite", *inherited, "nnlite.Model"]:
        found = env.domains["py"].objects.get(f"{owner}.{target}")
        if found is not None:
            return make_refnode(app.builder, document, found.docname, found.node_id, contnode)
    if node.get("py:class") is None and any(name.endswith(f".{target}") for name in env.domains["py"].objects):
        return contnode  # a member, in a table that does not say of which class
    return None


def _bases(class_name):
    """The public class of that name and its bases."""
    found = getattr(nnlite, class_name or "", None)
    return found.__mro__[:-1] if isinstance(found, type) else ()


def keep_initials(app, what, name, found, options, lines):
    """Escape the initial of an author at the start of a line: "L. Prechelt" is not item L of a list."""
    lines[:] = [re.sub(r"^(\s*[A-Z])\. ", r"\1\\. ", line) for line in lines]


def setup(app):
    """Connect what is defined here."""
    app.connect("builder-inited", copy_pages, priority=100)
    app.connect("autodoc-skip-member", skip_member)
    app.connect("autodoc-process-docstring", keep_initials)
    app.connect("autodoc-process-bases", public_bases)
    app.connect("missing-reference", resolve_short_name)
