"""Facts about report.html as text: it is one file, says what the run says, and lets nothing of the data act."""

import functools
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import nnlite as nn
from nnlite.report import Part, Run, render, scores

from ..support import refuse

pytest.importorskip("jinja2")
VOID = {"meta", "link", "img", "br", "path", "use"}


class Page(HTMLParser):
    """The elements of a page, and whether they are nested as they should be."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.ids, self.links, self.tags, self.cells = [], [], [], [], [], []
        self.feed(text)
        self.wrong += self.open

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[name] for name in ("href", "src", "xlink:href") if name in attributes]
        if "data-value" in attributes:
            self.cells.append((attributes["data-key"], float(attributes["data-value"])))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"/{tag}")


@functools.cache
def of_classes(names=("setosa", "versicolor", "virginica"), title="flowers"):
    data = nn.load_iris()
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(3), nn.Softmax()], seed=0)
    model.class_names = names
    test = Part(data.X_test, data.y_test)
    history = model.fit(data.X_train, data.y_train, epochs=20, validation_data=tuple(test), progress=False)
    run = Run(
        model, test, Part(data.X_train, data.y_train), test, history, nn.SGD(0.1), title=title,
        feature_names=data.feature_names, best_epoch=17, command="nnlite train --config runs/flowers-1/config.json",
    )  # fmt: skip
    return run, render(run)


@functools.cache
def of_values():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, 2.0, 0.0] + 100
    model = nn.Model([nn.Dense(1), nn.Identity()], seed=0)
    history = model.fit(X, y, epochs=20, progress=False)
    run = Run(model, Part(X[:50], y[:50]), Part(X, y), history=history, feature_names=("a", "b", "c"))
    return run, render(run)


@functools.cache
def of_images():
    data = nn.load_digits()
    model = nn.Model([nn.Dense(16), nn.ReLU(), nn.Dense(10), nn.Softmax()], seed=0)
    history = model.fit(data.X_train, data.y_train, epochs=3, progress=False)
    run = Run(model, Part(data.X_test, data.y_test), history=history, image_shape=(8, 8))
    return run, render(run)


ALL = pytest.mark.parametrize("made", [of_classes, of_values, of_images])


@pytest.mark.slow
@ALL
def test_the_page_is_well_formed_and_every_id_is_there_once(made):
    page = Page(made()[1])
    assert page.wrong == []
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links if link.startswith("#")} <= set(page.ids)


@ALL
def test_the_page_needs_nothing_but_itself(made):
    text = made()[1]
    page = Page(text)
    assert not {"script", "iframe", "object", "embed", "base"} & set(page.tags)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert "@import" not in text
    assert all(url.startswith("#") for url in re.findall(r"url\(([^)]*)\)", text))
    assert not re.findall(r"\son\w+=", text)


@ALL
def test_the_numbers_of_the_curves_are_those_of_the_history(made):
    run, text = made()
    cells = Page(text).cells
    assert cells
    for key, value in cells:
        assert value in run.history[key]
    for key in ("loss", "learning_rate"):
        assert (key, run.history[key][-1]) in cells


def test_a_page_about_classes_has_each_part():
    run, text = of_classes()
    assert f"{100 * scores(run).accuracy:.1f}\N{NO-BREAK SPACE}%" in text
    for part in ("data", "model", "curves", "predictions", "calibration", "features", "mistakes", "doctor", "again"):
        assert f'<section id="{part}">' in text
    for word in ("setosa", "petal", "Dense(8)", "precision", "always", "± ", nn.__version__, "--config", "SGD"):
        assert word in text
    assert text.count("<svg") == 3  # loss, accuracy, calibration
    assert "epoch 17" in text


def test_the_confusion_matrix_is_that_of_the_test_examples():
    run, text = of_classes()
    counts = nn.metrics.confusion_matrix(run.test.y, run.model.predict(run.test.X), n_classes=3)
    cells = re.findall(r'<td class="(?:right|wrong)-class[^>]*>(\d+|·)', text)
    assert [0 if cell == "·" else int(cell) for cell in cells] == counts.ravel().tolist()


def test_a_page_about_values_has_errors_in_place_of_classes():
    text = of_values()[1]
    for part in ("predictions", "features", "mistakes", "doctor"):
        assert f'<section id="{part}">' in text
    assert "Largest errors" in text
    assert "always the mean" in text
    assert 'id="calibration"' not in text


def test_mistakes_of_images_are_images():
    run, text = of_images()
    wrong = (run.model.predict(run.test.X) != run.test.y).sum()
    mistakes = text[text.index('id="mistakes"') :]
    assert mistakes.count("data:image/png;base64,") == min(12, wrong)
    assert f"{wrong} of {run.test.size}" in mistakes


@pytest.mark.slow
def test_many_classes_have_a_picture_instead_of_a_table():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    model = nn.Model([nn.Dense(15), nn.Softmax()], n_features=4, seed=0)
    model.parameters["b1"] = [0.0] * 14 + [-100]  # the last class is never predicted
    run = Run(model, Part(X, y))
    text = render(run)
    assert '<table class="matrix' not in text
    assert "<svg" in text
    # classes that are nowhere in the test have no scores, and are not in the mean
    table = text[text.index('id="classes"') :]
    table = table[: table.index("</table>")]
    nowhere = sum(not row.occurs for row in scores(run).rows)
    assert nowhere > 0
    assert table.count("–") == 3 * nowhere
    assert f"{scores(run).f1:.3f}" in table[table.index("macro mean") :]
    assert "has no test example and is never predicted" in text


def test_what_the_data_say_is_text():
    evil = "<script>alert(1)</script>"
    text = of_classes((evil, '" onload="x', "a&b"), f"{evil}{{{{ 7 * 7 }}}}")[1]
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "{{ 7 * 7 }}" in text
    assert "a&amp;b" in text
    assert Page(text).wrong == []


@pytest.mark.slow
def test_a_run_that_learned_nothing_says_so_at_the_top():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4)), rng.integers(0, 3, 300)
    model = nn.Model([nn.Dense(3, nn.Zeros()), nn.Softmax()], n_features=4)
    text = render(Run(model, Part(X, y), Part(X, y)))
    assert 'role="alert"' in text
    assert "learned nothing" in text
    assert 'href="#doctor"' in text
    assert 'role="alert"' not in of_classes()[1]


@pytest.mark.slow
def test_the_same_run_gives_the_same_page():
    run, text = of_classes()
    assert render(run) == text


def a_table(n=200):
    rng = np.random.default_rng(0)
    job = rng.choice(["cook", "smith"], n)
    age = rng.normal(40, 10, n).round(1)
    return {"age": age, "job": job, "pay": 1000 + 20 * age + 500 * (job == "cook") + rng.normal(0, 10, n)}


def test_a_table_is_described_by_its_columns(tmp_path):
    train, test = nn.Table(a_table(), "pay").split(0.3)
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(1), nn.Identity()], seed=0)
    history = model.fit(train, optimizer=nn.Adam(0.01), epochs=30, validation_data=test, progress=False)
    nn.write_report(tmp_path / "r.html", model, test, train=train, validation_data=test, history=history)
    text = (tmp_path / "r.html").read_text()
    for word in ("cook", "category", "age", "standardized", "pay", 'id="doctor"', "rmse"):
        assert word in text
    mistakes = text[text.index('id="mistakes"') : text.index('id="doctor"')]
    assert "<dt>job</dt>" in mistakes
    assert "<dt>pay</dt>" not in mistakes
    run = Run(model, Part(test, test.y), history=history)
    assert scores(run).rmse == pytest.approx(model.evaluate(test)["rmse"], rel=1e-4)


def test_a_data_frame_with_its_target_beside_is_a_table(tmp_path):
    columns = a_table()
    y = np.where(columns.pop("pay") > 1900, "rich", "poor")
    model = nn.Model([nn.Dense(8), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    model.fit(columns, y, epochs=3, progress=False)
    nn.write_report(tmp_path / "r.html", model, columns, y, train=(columns, y))
    assert "rich" in (tmp_path / "r.html").read_text()


# --- write_report ---------------------------------------------------------------------------------------------------


def test_write_report_writes_the_page(tmp_path):
    data = nn.load_iris()
    model = nn.Model([nn.Dense(3), nn.Softmax()], seed=0)
    history = model.fit(data.X_train, data.y_train, epochs=2, progress=False)
    nn.write_report(
        tmp_path / "r.html", model, data.X_test, data.y_test, history=history, train=(data.X_train, data.y_train),
        feature_names=data.feature_names, title="Iris",
    )  # fmt: skip
    text = (tmp_path / "r.html").read_text()
    assert "<title>Iris" in text
    assert 'id="doctor"' in text


def test_targets_come_in_every_form_that_fit_takes(tmp_path):
    data = nn.load_iris()
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    pages = []
    for y in (data.y_test, nn.one_hot(data.y_test, 3)):
        nn.write_report(tmp_path / "r.html", model, data.X_test, y)
        pages.append((tmp_path / "r.html").read_text())
    assert pages[0] == pages[1]


def test_two_classes_of_a_sigmoid_are_classes(tmp_path):
    X, y = nn.make_moons(100, seed=0)
    model = nn.Model([nn.Dense(1), nn.Sigmoid()], n_features=2, seed=0)
    nn.write_report(tmp_path / "r.html", model, X, y)
    assert 'class="matrix' in (tmp_path / "r.html").read_text()


def test_wrong_arguments_are_named_and_nothing_is_written(tmp_path):
    data = nn.load_iris()
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    path, X, y = tmp_path / "r.html", data.X_test, data.y_test
    refuse(lambda: nn.write_report(3, model, X, y), "path: ")
    refuse(lambda: nn.write_report(path, 3, X, y), "model: ")
    refuse(lambda: nn.write_report(path, model, X), "X: expected a table")
    refuse(lambda: nn.write_report(path, model, X[:, :2], y), "X: ")
    refuse(lambda: nn.write_report(path, model, X, y[:3]), "y: ")
    refuse(lambda: nn.write_report(path, model, X, y, train=X), "train: ")
    refuse(lambda: nn.write_report(path, model, X, y, validation_data=3), "validation_data: ")
    labels = nn.Model([nn.Dense(3), nn.Sigmoid()], n_features=4, seed=0)
    refuse(lambda: nn.write_report(path, labels, X, y), "model: expected one target")
    assert not path.exists()


def test_without_jinja2_the_error_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    data = nn.load_iris()
    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=4, seed=0)
    refuse(lambda: nn.write_report(tmp_path / "r.html", model, data.X_test, data.y_test), "write_report: needs Jinja2")
    assert not list(tmp_path.iterdir())
