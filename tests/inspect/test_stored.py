"""Facts about what looks into examples on the disk: it reads a sample, says so, and finds what it finds in memory."""

import numpy as np
import pytest

import nnlite as nn
from nnlite.inspect.diagnosis import doctor

from ..support import refuse

N = 3000
RNG = np.random.default_rng(0)
X = RNG.standard_normal((N, 6)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)
V = RNG.standard_normal((500, 6)).astype(np.float32)
V_Y = (V[:, 0] > 0).astype(np.int64)


def network(units=2, output=None):
    return nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(units), output or nn.Softmax()], seed=0)


def table(folder):
    path = folder / "table.csv"
    rows = zip(X[:, 0], RNG.choice(["Bern", "Oslo"], N), Y, strict=True)
    path.write_text("a,city,y\n" + "".join(f"{a:.3f},{city},{y}\n" for a, city, y in rows))
    return nn.open_table(path, target="y")


def test_a_learning_rate_is_found_with_examples_on_the_disk(tmp_path):
    model, options = network(), {"start": 1e-3, "stop": 10.0, "n_steps": 40}
    found = nn.find_learning_rate(model, nn.open_data(X, y=Y), batch_size=20, **options)
    assert (
        found.sampled == "The data are on the disk: 800 of 3,000 training examples, from all parts of them, were read."
    )
    assert found.sampled in repr(found)
    assert 0.01 < found.suggestion < 10
    whole = nn.find_learning_rate(model, nn.open_data(X, y=Y), **options, batch_size=100)
    assert whole.sampled == ""
    same = nn.find_learning_rate(model, X, Y, **options, batch_size=100)
    np.testing.assert_array_equal(whole.losses, same.losses)
    assert nn.find_learning_rate(model, table(tmp_path), **options).suggestion > 0.001
    refuse(lambda: nn.find_learning_rate(model, nn.open_data(X)), "y: StoredArrays", "has no targets")
    refuse(lambda: nn.find_learning_rate(model, nn.open_data(X, y=Y), Y), "y: belongs into open_data")
    refuse(lambda: nn.find_learning_rate(model, table(tmp_path), Y), "y: a stored table has its own target")


@pytest.mark.slow
def test_the_doctor_examines_examples_on_the_disk(tmp_path, monkeypatch):
    model = network()
    whole = nn.diagnose(model, X, Y, validation_data=(V, V_Y))
    data = nn.open_data(X, y=Y)
    found = nn.diagnose(model, data, validation_data=nn.open_data(V, y=V_Y))
    assert [f.message for f in found] == [f.message for f in whole]
    monkeypatch.setattr(doctor, "READ", 1000)
    found = nn.diagnose(model, data, validation_data=nn.open_data(V, y=V_Y))
    assert "The data are on the disk: 1,000 of 3,000 training examples" in str(found).replace("\n", " ")
    assert found.ok
    large = nn.diagnose(model, nn.open_data(1000 * X, y=Y))
    assert not large.ok  # it sees what is in the sample
    people = table(tmp_path)
    of_table = nn.diagnose(model, people, validation_data=people)
    assert "1,000 of 3,000" in str(of_table).replace("\n", " ")
    refuse(lambda: nn.diagnose(model, nn.open_data(X)), "y: StoredArrays", "has no targets")


def test_what_cannot_take_examples_on_the_disk_says_so(tmp_path):
    (model := network()).build((6,))
    for call in (nn.permutation_importance, nn.gradient_check):
        refuse(lambda call=call: call(model, nn.open_data(X, y=Y), Y), "X: StoredArrays", "stays on the disk")
        refuse(lambda call=call: call(model, table(tmp_path), Y), "X: ", "StoredTable")
