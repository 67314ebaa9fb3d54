"""Worlds of one process and of simulated ones: sums, exchanges, errors, and sums of 16 bits."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import nnlite as nn
from nnlite.mpi import MPIWorld
from nnlite.parallel import simulated
from nnlite.parallel.compression import CompressedSum, from_bfloat16, to_bfloat16

from ..support import for_each, refuse


def test_a_sum_is_the_same_everywhere_and_in_the_order_of_the_ranks():
    numbers = [np.array([1e8, 1, 3], np.float32), np.array([1, 2, 4], np.float32), np.array([-1e8, 3, 5], np.float32)]

    def add(world):
        vector = numbers[world.rank].copy()
        world.sum(vector)
        return vector

    for vector in nn.mpi.simulate(3, add):
        np.testing.assert_array_equal(vector, (numbers[0] + numbers[1]) + numbers[2])


def test_a_sum_that_was_started_does_not_meet_other_messages():
    def add(world):
        large, small, other = (np.full(3, float(10**k * (world.rank + 1))) for k in range(3))
        waits = [world.start_sum(large), world.start_sum(small)]
        gathered = world.gather(world.rank)
        world.sum(other)
        for wait in waits:
            wait()
        return large[0], small[0], other[0], gathered

    assert nn.mpi.simulate(3, add) == 3 * [(6, 60, 600, [0, 1, 2])]


def test_an_error_ends_sums_that_were_started():
    def run(world):
        if world.rank == 1:
            raise OSError("the disk is full")
        with pytest.raises(nn.ParallelError, match="rank 1 ended with OSError"):
            world.start_sum(np.ones(3))()

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is full"):
        nn.mpi.simulate(3, run)
    assert threading.active_count() == before


def test_blocks_go_where_they_are_sent():
    def exchange(world):
        sent = 10 * world.rank + np.arange(3)
        return world.exchange(np.stack([sent, sent], axis=1))[:, 0].tolist()

    assert nn.mpi.simulate(3, exchange) == [[0, 10, 20], [1, 11, 21], [2, 12, 22]]


def test_what_is_gathered_is_a_copy_as_between_processes():
    def gather(world):
        mine = [world.rank]
        found = world.gather(mine)
        mine.append("changed")
        return found, world.first(mine)

    for found, first in nn.mpi.simulate(2, gather):
        assert found == [[0], [1]]
        assert first == [0, "changed"]


def test_the_first_process_alone_gets_what_all_send_to_it():
    assert nn.mpi.simulate(3, lambda world: world.to_first([world.rank])) == [[[0], [1], [2]], None, None]


def test_a_single_process_is_a_world():
    world, vector = nn.mpi.World(), np.ones(3)
    world.sum(vector)
    world.start_sum(vector)()
    world.meet()
    assert vector.tolist() == [1, 1, 1]
    assert world.exchange(np.ones((1, 2))).tolist() == [[1, 1]]
    assert world.to_first(5) == [5]
    assert (world.rank, world.size, world.gather(5), world.first(6)) == (0, 1, [5], 6)
    with pytest.raises(OSError, match="disk"):
        world.abort(OSError("disk"))


def test_an_error_in_one_process_ends_the_others():
    seen = []

    def run(world):
        if world.rank == 1:
            world.abort(OSError("the disk is full"))
        try:
            world.gather(1)
        except nn.ParallelError as error:
            seen.append(str(error))
            raise

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is full"):
        nn.mpi.simulate(3, run)
    assert seen == 2 * ["rank 1 ended with OSError: the disk is full"]
    assert threading.active_count() == before


@for_each("what", ["sum", "start_sum", "gather", "first", "to_first", "exchange", "meet"])
@for_each("late", [0, 1])
def test_nobody_waits_for_a_process_that_has_ended(what, late):
    arguments = {"gather": [1], "first": [1], "to_first": [1], "meet": []}.get(what, [np.ones((3, 2))])

    def run(world):
        world.meet()
        if world.rank == 1 - late:  # the others wait already, or come later
            time.sleep(0.02)
        if world.rank == 1:
            return "left"
        with pytest.raises(nn.ParallelError) as caught:
            (getattr(world, what)(*arguments) or int)()
        return str(caught.value)

    told = "rank 1 has ended, and did not call fit as this process did"
    assert nn.mpi.simulate(3, run) == [told, "left", told]


def test_a_process_that_calls_fit_once_more_is_told_that_the_others_have_ended():
    def run(world):
        for _ in range(2 if world.rank == 0 else 1):
            nn.Model([nn.Dense(1), nn.Identity()], seed=0).fit(
                np.ones((4, 2)), np.ones(4), epochs=1, progress=False, parallel=world
            )

    with pytest.raises(nn.ParallelError, match="rank 1 has ended, and did not call fit as this process did"):
        nn.mpi.simulate(2, run)


def test_a_process_that_waits_too_long_says_for_what(monkeypatch):
    monkeypatch.setattr(simulated, "PATIENCE", 0.01)
    late = threading.Event()

    def run(world):
        if world.rank == 1:
            late.wait()
            return
        try:
            world.meet()
        finally:
            late.set()

    with pytest.raises(nn.ParallelError, match=r"^rank 0: waited 0[.]01 seconds for the others"):
        nn.mpi.simulate(2, run)


def test_the_last_meeting_of_processes_that_end_at_once_is_a_meeting():
    for _ in range(40):
        assert nn.mpi.simulate(4, lambda world: world.gather(world.rank)) == 4 * [[0, 1, 2, 3]]


def test_an_error_has_its_rank(capsys):
    def run(world):
        if world.rank == 1:
            raise OSError("the disk is full")
        world.meet()

    with pytest.raises(OSError, match="the disk is full") as caught:
        nn.mpi.simulate(2, run)
    assert caught.value.__notes__ == ["(rank 1 of 2)"]
    process = SimpleNamespace(rank=1, size=2)
    MPIWorld.print_error(process, OSError, caught.value, caught.value.__traceback__)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "nnlite: rank 1 of 2 ended with an error:"
    assert lines[-1].endswith("(rank 1 of 2)")
    MPIWorld.print_error(process, OSError, OSError("no file"), None)
    assert capsys.readouterr().err.endswith("OSError: no file (rank 1 of 2)\n")


def test_a_delay_is_of_the_bytes_of_a_sum():
    asked = []

    def delay(n_bytes):
        asked.append(n_bytes)
        return 0.0

    nn.mpi.simulate(2, lambda world: world.sum(np.zeros(5, np.float32)), delay=delay)
    assert asked == [20, 20]


def test_wrong_arguments_are_refused():
    refuse(lambda: nn.mpi.simulate(0, len), "n: expected an integer of at least 1, got 0")
    refuse(lambda: nn.mpi.simulate(2, "train"), "function: ")
    refuse(lambda: nn.mpi.World(gradient_bits=8), "gradient_bits: expected 16, or None", "got 8")
    refuse(lambda: nn.mpi.World(gradient_bits=True), "gradient_bits: expected 16")
    refuse(lambda: nn.mpi.World(overlap="yes"), "overlap: expected True or False, got 'yes'")
    refuse(lambda: nn.mpi.World(overlap=True, gradient_bits=16), "overlap: a gradient of 16 bits travels in one piece")
    refuse(lambda: nn.mpi.World(sync_batch_norm=1), "sync_batch_norm: expected True or False")


# ---- 16 bits --------------------------------------------------------------------------------------------------------


def test_bfloat16_is_the_nearest_number_with_eight_bits():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32) * np.float32(10.0) ** np.arange(-20, 20, 0.04)
    x = x.astype(np.float32)
    found = from_bfloat16(to_bfloat16(x))
    exponents = np.frexp(x.astype(np.float64))[1]
    expected = np.ldexp(np.rint(np.ldexp(x.astype(np.float64), 8 - exponents)), exponents - 8)  # ties to even
    np.testing.assert_array_equal(found, expected.astype(np.float32))


def test_bfloat16_keeps_what_is_not_finite():
    special = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 3.4e38], np.float32)
    found = from_bfloat16(to_bfloat16(special))
    np.testing.assert_array_equal(found[:5], special[:5])
    assert found[5] == np.inf  # the nearest number with eight bits is 2^128
    signaling = np.array([0x7F800001], np.uint32).view(np.float32)
    assert np.isnan(from_bfloat16(to_bfloat16(signaling)))


def test_error_feedback_sends_everything_in_the_end():
    """The sums of many steps are right to a single rounding, although each of them is wrong by more."""
    gradients = np.random.default_rng(1).standard_normal((3, 50, 7)).astype(np.float32)

    def add(world):
        compressed, total = CompressedSum(world, 7), np.zeros(7)
        worst = 0.0
        for step in range(50):
            vector = gradients[world.rank, step].copy()
            compressed.sum(vector)
            worst = max(worst, np.abs(vector - gradients[:, step].sum(axis=0)).max())
            total += vector
        return total, worst

    results = nn.mpi.simulate(3, add)
    exact = gradients.sum(axis=(0, 1), dtype=np.float64)
    for total, worst in results:
        np.testing.assert_array_equal(total, results[0][0])
        assert np.abs(total - exact).max() < 0.05  # the remainders of the last step
        assert worst > 0.01


@for_each("n", [3, 2, 5])
def test_what_was_rounded_off_goes_on_with_any_number_of_processes(n):
    gradients = np.random.default_rng(1).standard_normal((3, 20, 7)).astype(np.float32)

    def add(world):
        compressed, total = CompressedSum(world, 7), np.zeros(7)
        for gradient in gradients[world.rank]:
            vector = gradient.copy()
            compressed.sum(vector)
            total += vector
        return total, compressed.get_state()

    (total, state), *others = nn.mpi.simulate(3, add)
    assert [of_other for _, of_other in others] == [None, None]
    missing = gradients.sum(axis=(0, 1), dtype=np.float64) - total

    def go_on(world):
        compressed, rest = CompressedSum(world, 7), np.zeros(7)
        compressed.set_state(state)
        for _ in range(20):
            vector = np.zeros(7, np.float32)
            compressed.sum(vector)
            rest += vector
        return rest

    for rest in nn.mpi.simulate(n, go_on):
        assert np.abs(missing).max() > 1e-3
        np.testing.assert_allclose(rest, missing, rtol=0, atol=1e-5)


def test_an_infinite_gradient_does_not_stay_in_the_feedback():
    def add(world):
        compressed = CompressedSum(world, 2)
        vector = np.array([np.inf if world.rank else 1.0, 2.0], np.float32)
        compressed.sum(vector)
        after = np.array([1.0, 2.0], np.float32)
        compressed.sum(after)
        return vector.tolist(), after.tolist()

    assert nn.mpi.simulate(2, add) == 2 * [([np.inf, 4.0], [2.0, 4.0])]
