"""Random networks with random options: the kernels train them as the textbook does."""

import pytest

pytest.importorskip("numba")

from .agreement import assert_agrees
from .random_trainings import IMAGES, RandomTraining


@pytest.mark.slow
@pytest.mark.parametrize("number", range(IMAGES + 60))
def test_a_random_network_trains_as_the_textbook_does(number, monkeypatch):
    drawn = RandomTraining(number)
    monkeypatch.setenv("NNLITE_NUM_THREADS", str(drawn.n_threads))
    try:
        assert_agrees(drawn.training, drawn.dtype)
    except BaseException as error:
        error.add_note(drawn.text)
        raise
