"""Facts about the pictures of examples in a report."""

import base64
import io

import matplotlib.image
import numpy as np

import nnlite as nn
from nnlite.report.data import image, samples
from nnlite.report.mistakes import confident_mistakes
from nnlite.report.run import Part, Pictures, Run

RNG = np.random.default_rng(0)


def pixels(address):
    """The pixels of a data URI, without transparency."""
    raw = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return matplotlib.image.imread(io.BytesIO(raw))[..., :3]


def run_of(X, shape):
    model = nn.Model([nn.Flatten(), nn.Dense(2), nn.Softmax()], n_features=X.shape[1:], seed=0)
    return Run(model, Part(X, np.arange(len(X)) % 2), image_shape=shape)


def test_gray_and_colored_examples_are_shown_as_they_are():
    gray = RNG.random((4, 5, 6, 1))
    gray[0, 0, 0], gray[0, 0, 1] = 0, 1
    shown = pixels(image(run_of(gray, (5, 6)), 2))
    np.testing.assert_allclose(shown, np.repeat(gray[2], 3, axis=2), atol=1 / 250)
    color = RNG.random((4, 5, 6, 3))
    color[0, 0, 0], color[0, 0, 1] = 0, 1
    np.testing.assert_allclose(pixels(image(run_of(color.reshape(4, 90), (5, 6, 3)), 2)), color[2], atol=1 / 250)


def test_the_first_example_of_each_class_is_a_sample():
    run = run_of(RNG.random((6, 4, 4)), (4, 4))
    assert [sample.name for sample in samples(run)] == ["0", "1"]
    assert samples(run)[1].address == image(run, 1)
    of_one_class = run._replace(test=run.test.rows(np.array([0, 2])), train=run.test)  # the test lacks a class
    assert [sample.name for sample in samples(of_one_class)] == ["0", "1"]
    assert samples(of_one_class)[1].address == image(run, 1)


def test_a_mistake_is_named_by_the_file_of_its_picture():
    X, y = RNG.random((4, 4, 4)), np.array([0, 1, 0, 1])
    test = Pictures.of(X, y, [f"pets/{'ab'[c]}/{i}.png" for i, c in enumerate(y)]).rows(np.array([3, 2, 1]))
    run = run_of(X, (4, 4))._replace(test=test)
    mistakes = confident_mistakes(run, np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]), ())
    assert [(one.place, one.row) for one in mistakes] == [("b/3.png", 0), ("a/2.png", 1)]
    assert confident_mistakes(run_of(X, (4, 4)), np.eye(2)[[1, 1, 0, 1]], ())[0].place == "row 0"
