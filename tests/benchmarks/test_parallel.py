"""The cost model of a step in many processes: ``python -m benchmarks.parallel``."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nnlite as nn
from benchmarks import parallel

from ..support import for_each

ABOUT = {"step": {M: 1e-4 + 1e-5 * M for M in parallel.PARTS}, "parameters": 1_000_000}
ABOUT["pieces"] = [(600_000, 0.4), (390_000, 0.0), (10_000, 0.0)]


def test_the_line_through_the_steps_is_found():
    assert parallel.line(ABOUT["step"]) == pytest.approx((1e-4, 1e-5))


def test_latency_and_bandwidth_are_found_in_the_sums():
    sums = {n: {size: parallel.sum_seconds(n, size, 7e-6, 3e9) for size in (2**10, 2**16, 2**24)} for n in (2, 4)}
    assert parallel.fit_sums(sums) == pytest.approx((7e-6, 3e9))


def test_a_sum_sends_every_byte_twice_at_most():
    assert parallel.sum_seconds(1, 1e6, 1e-5, 1e9) == 0
    assert parallel.sum_seconds(2, 1e6, 0, 1e9) == pytest.approx(1e-3)
    assert parallel.sum_seconds(2**20, 1e6, 0, 1e9) == pytest.approx(2e-3, rel=1e-5)
    assert parallel.sum_seconds(8, 0, 1e-5, 1e9) == pytest.approx(6e-5)


def test_scaling_ends_where_half_the_work_is_waiting():
    alpha, bandwidth = 1e-5, 1e10
    n = parallel.end_of_scaling(ABOUT, alpha, bandwidth)

    def efficiency(n):
        return parallel.step_seconds(1, ABOUT, alpha, bandwidth) / n / parallel.step_seconds(n, ABOUT, alpha, bandwidth)

    assert math.log2(n) % 1 == 0
    assert efficiency(n) >= 0.5 > efficiency(2 * n)
    for change in ({"batch": 8 * parallel.BATCH}, {"n_bytes": 2}, {"every": 8}):
        assert parallel.end_of_scaling(ABOUT, alpha, bandwidth, **change) >= n
    assert parallel.end_of_scaling(ABOUT, alpha, bandwidth, overlap=False) <= n
    assert parallel.end_of_scaling(ABOUT, alpha, bandwidth, batch=8 * parallel.BATCH) > n


@for_each(
    "bandwidth, expected",
    [
        (1e12, 1e-4 + 0.02048 + 1.6e-6),  # fast links: only the last two pieces come after the computing
        (1e8, 1e-4 + 0.6 * 0.02048 + 0.04),  # slow ones: the link is never idle after the first piece is known
    ],
)
def test_a_step_with_overlap_ends_when_the_link_has_sent_the_last_piece(bandwidth, expected):
    found = parallel.step_seconds(2, ABOUT, 0.0, bandwidth)
    assert found == pytest.approx(expected, rel=1e-6)
    whole = parallel.step_seconds(2, ABOUT, 0.0, bandwidth, overlap=False)
    assert whole == pytest.approx(1e-4 + 0.02048 + 4e6 / bandwidth)


def test_pieces_are_known_when_the_layers_behind_them_are_computed():
    layers = [nn.Dense(600), nn.ReLU(), nn.Dense(500), nn.ReLU(), nn.Dense(10), nn.Softmax()]
    model = nn.Model(layers, n_features=700, seed=0)
    a, b, c = 700 * 600, 600 * 500, 500 * 10
    last, first, biases = parallel.pieces_of(model)
    assert last == (b + c, pytest.approx(a / (2 * a + 3 * b + 3 * c)))
    assert first == (a, 0)
    assert biases == (1110, 0)
    small = nn.Model([nn.Dense(10), nn.Softmax()], n_features=700, seed=0)
    assert parallel.pieces_of(small) == [(7010, 0)]


def test_sums_on_the_way_share_the_link():
    world = parallel.OneOfMany(8, lambda n_bytes: 100.0 * n_bytes, overlap=True)
    world.start_sum(np.zeros(1))
    first = world.arrival
    world.start_sum(np.zeros(2))
    assert world.arrival == first + 1600


def test_one_of_many_machines_trains_its_part_and_waits_for_the_sum():
    asked, seen = [], []

    class Sizes(nn.Callback):
        def on_batch_end(self, batch, logs):
            seen.append(logs["size"])

    def delay(n_bytes):
        asked.append(n_bytes)
        return 0.0

    model = nn.Model([nn.Dense(3), nn.Softmax()], n_features=4, seed=0, dtype="float32")
    X, y = np.random.default_rng(0).standard_normal((32, 4)), np.arange(32) % 3
    world = parallel.OneOfMany(8, delay)
    model.fit(X, y, batch_size=16, epochs=1, callbacks=[Sizes()], progress=False, parallel=world)
    assert seen == [16, 16]
    assert asked.count(4 * (model.n_parameters + 3)) == 2  # the gradient, J, the number of examples, a wish to stop


def test_the_tables_are_put_on_the_page(tmp_path):
    delayed = {link: {str(n): 0.01 / n for n in parallel.MACHINES[1:]} for link in parallel.LINKS}
    sums = {str(4 * size): parallel.sum_seconds(2, 4 * size, 1e-5, 1e9) for size in parallel.SIZES}
    together = {str(n): {"sums": sums, "steps": {"tiny": 0.02}} for n in (2, 4)}
    found = {"cores": 2, "alone": {"tiny": {**ABOUT, "delayed": delayed, "overlapping": delayed}}, "together": together}
    page = tmp_path / "page.md"
    names = ("measured", "foretold", "moved", "simulated")
    page.write_text("Begin.\n" + "".join(f"<!-- {name} -->\nformer\n<!-- end -->\n" for name in names) + "End.\n")
    parallel.publish(found, page)
    text = page.read_text()
    assert "former" not in text
    assert text.startswith("Begin.\n<!-- measured -->\n| network | parameters |")
    assert text.endswith("<!-- end -->\nEnd.\n")
    assert "| tiny | 1,000,000 | 0.10 ms | 10.0 us | 41 ms | 20 (21) ms |" in text
    parallel.publish(found, page)
    assert page.read_text() == text  # once more changes nothing


def test_the_page_has_room_for_each_table():
    text = (parallel.PLACE / "many_machines.md").read_text(encoding="utf-8")
    for name in ("measured", "foretold", "moved", "simulated"):
        assert text.count(f"<!-- {name} -->") == 1
    assert text.count("<!-- end -->") == 4
