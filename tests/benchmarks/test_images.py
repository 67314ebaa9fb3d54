"""Facts about the convolutional networks of the benchmarks: everybody trains the same ones."""

import numpy as np
import pytest

from benchmarks import images
from benchmarks.images import IMAGE_NETWORKS, ImageNetwork

from .common import run

BLOCKS = (("convolution", 4, 3, "same"), ("norm",), ("relu",), ("pool",), ("block", 4, 1), ("block", 8, 2), ("mean",))
TINY = ImageNetwork("tiny", (8, 8, 2), (*BLOCKS, ("dense", 10)), 16, 0.05, 128, epochs=4)


@pytest.mark.parametrize("network", IMAGE_NETWORKS, ids=lambda network: network.name)
def test_the_networks_are_those_of_their_names(network):
    model = images.model_of(network, images.initial_weights(network))
    assert model.n_parameters == {"LeNet-5": 61_706, "4 x 3x3": 32_058, "ResNet-8": 78_186}[network.name]
    assert network.n_examples % network.batch == 0
    padded = images.model_of(network, images.initial_weights(network), padded=True)
    assert padded.shapes[-1] == model.shapes[-1] == (10,)


def test_a_network_comes_back_from_json_and_its_labels_can_be_learned():
    network = images.from_json([list(part) if isinstance(part, tuple) else part for part in TINY])
    assert network == TINY
    X, y = images.examples(network)
    assert X.shape == (128, 8, 8, 2)
    assert set(y) == set(range(10))
    weights = images.initial_weights(network)
    assert images.loss(network, weights, X, y) == pytest.approx(np.log(10), abs=0.2)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["nnlite", "nnlite-fast"])
def test_the_row_of_convolutions_is_measured(tmp_path, monkeypatch, engine):
    monkeypatch.setattr("benchmarks.rows.convolutions.IMAGE_NETWORKS", [TINY])
    code, document = run(tmp_path, "--rows", "convolutions", "--frameworks", engine, "--rounds", "1")
    assert code == 0
    (step,) = document["measurements"]
    assert (step["row"], step["case"]) == ("convolutions", "tiny, 8x8x2, batch 16")
    assert step["facts"]["loss"] < 0.9 * step["facts"]["loss_before"]
