"""Facts about learning rates by step: PyTorch's figures, bounds, joins, what composes, what is refused."""

import copy
import math
import pathlib
import pickle
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import strategies as st

import nnlite as nn
from nnlite import schedules
from nnlite.schedules import (
    ConstantRate,
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    LinearWarmup,
    OneCycle,
    PolynomialDecay,
    Schedule,
    SequentialSchedule,
    StepDecay,
    as_schedule,
)

from ..support import for_each, holds_for

REFERENCE = dict(np.load(pathlib.Path(__file__).parents[1] / "reference" / "schedules.npz"))
FAR_STEPS = REFERENCE.pop("far_steps").tolist()


def by_name(call):
    return eval(call, vars(schedules))


def first(schedule, n_steps):
    return np.array([schedule(step) for step in range(n_steps)])


# ---- PyTorch's figures --------------------------------------------------------------------------------------------


@for_each("call", REFERENCE)
def test_pytorch_has_the_same_learning_rates(call):
    expected = REFERENCE[call]
    far = call.startswith("far ")
    schedule = by_name(call.removeprefix("far "))
    rates = [schedule(step) for step in (FAR_STEPS if far else range(len(expected)))]
    # absolute, since PyTorch's own running products are off by some roundings of the first rate
    np.testing.assert_allclose(rates, expected, rtol=0, atol=2e-15)


def test_the_reference_has_every_schedule():
    values = vars(schedules).values()
    names = {value.__name__ for value in values if isinstance(value, type) and issubclass(value, Schedule)}
    assert [name for name in names - {"Schedule"} if not any(f"{name}(" in call for call in REFERENCE)] == []


# ---- bounds, monotone parts, joins --------------------------------------------------------------------------------

RATES = st.floats(1e-6, 10)
LENGTHS = st.integers(1, 300)
FACTORS = st.floats(0.01, 1)
FRACTIONS = st.floats(0, 1)
TIMES = st.floats(1, 5)

falling = st.one_of(
    st.builds(ConstantRate, RATES),
    st.builds(StepDecay, RATES, LENGTHS, FACTORS),
    st.builds(ExponentialDecay, RATES, LENGTHS, FACTORS, st.booleans()),
    st.builds(CosineDecay, RATES, LENGTHS, FRACTIONS),
    RATES.flatmap(lambda rate: st.builds(PolynomialDecay, st.just(rate), LENGTHS, st.floats(0, rate), TIMES)),
)
simple = st.one_of(
    falling,
    st.builds(CosineDecayRestarts, RATES, LENGTHS, TIMES, FACTORS, FRACTIONS),
    st.builds(OneCycle, RATES, st.integers(2, 300), FRACTIONS, st.sampled_from(["cos", "linear"]), st.floats(1, 100)),
)
sequences = st.lists(st.one_of(RATES, simple), min_size=1, max_size=4).flatmap(
    lambda parts: st.builds(
        SequentialSchedule,
        st.just(parts),
        st.lists(LENGTHS, min_size=len(parts) - 1, max_size=len(parts) - 1, unique=True).map(sorted),
    )
)
nested = st.recursive(
    simple | sequences, lambda inner: st.builds(LinearWarmup, LENGTHS, inner, FRACTIONS), max_leaves=3
)


@holds_for(falling)
def test_a_decay_starts_at_its_first_rate_and_never_rises(schedule):
    rates = first(schedule, 400)
    assert rates[0] == vars(schedule).get("initial_learning_rate", rates[0])
    assert np.all(np.diff(rates) <= 1e-15 * rates[0])
    assert rates[-1] >= 0


@holds_for(RATES, LENGTHS, FRACTIONS)
def test_a_cosine_ends_at_alpha_times_the_first_rate_and_stays_there(rate, n_steps, alpha):
    schedule = CosineDecay(rate, n_steps, alpha)
    assert schedule(n_steps) == schedule(n_steps + 1) == schedule(10**9) == rate * alpha


@holds_for(RATES, LENGTHS, st.floats(0, 20), TIMES)
def test_a_polynomial_ends_at_its_end_from_above_and_from_below(rate, n_steps, end, power):
    schedule = PolynomialDecay(rate, n_steps, end, power)
    rates = first(schedule, n_steps + 1)
    assert rates[0] == rate
    assert rates[-1] == schedule(10**9) == end
    assert np.all(np.sign(end - rate) * np.diff(rates) >= -1e-14)


def test_a_polynomial_ends_at_keras_default():
    assert PolynomialDecay(0.1, 50)(50) == 1e-4


def test_a_staircase_is_level_and_meets_the_curve_at_its_edges():
    stairs, curve = ExponentialDecay(0.3, 20, 0.5, staircase=True), ExponentialDecay(0.3, 20, 0.5)
    steps = StepDecay(0.3, 20, 0.5)
    for step in range(200):
        assert stairs(step) == steps(step) == curve(step - step % 20)


@holds_for(
    RATES, st.integers(2, 300), FRACTIONS, st.sampled_from(["cos", "linear"]), st.floats(1, 100), st.floats(1, 100)
)
def test_one_cycle_rises_to_the_top_then_falls_to_the_end_and_stays(rate, n_steps, pct_start, strategy, div, final):
    schedule = OneCycle(rate, n_steps, pct_start, strategy, div, final)
    rates = first(schedule, n_steps + 5)
    top = pct_start * n_steps - 1
    slack = 1e-15 * rate
    assert np.all(rates <= rate + slack)
    assert np.all(rates >= rate / div / final - slack)
    assert np.all(np.diff(rates[: math.floor(max(top, 0)) + 1]) >= -slack)
    assert np.all(np.diff(rates[max(math.ceil(top), 0) :]) <= slack)
    assert np.all(rates[n_steps - 1 :] == rates[n_steps - 1])
    if top > 0:
        assert rates[0] == rate / div
    if top < n_steps - 1:
        assert rates[-1] == rate / div / final


def test_one_cycle_reaches_its_maximum_where_the_top_is_a_step():
    assert OneCycle(0.7, 100, pct_start=0.3)(29) == 0.7
    assert np.argmax(first(OneCycle(0.7, 100, pct_start=0.3), 100)) == 29


@holds_for(RATES, st.integers(2, 300))
def test_half_way_down_both_forms_of_one_cycle_are_half_way(rate, half):
    n_steps = 2 * half + 1  # the top is step 0
    for strategy in ("cos", "linear"):
        schedule = OneCycle(rate, n_steps, 1 / n_steps, strategy, 1, 1e12)
        assert schedule(half) == pytest.approx(rate / 2, rel=1e-9)


@holds_for(st.integers(1, 60), st.floats(1, 3), st.floats(0.1, 1), FRACTIONS)
def test_every_descent_falls_from_its_height_to_the_same_floor(n_steps, t_mul, m_mul, alpha):
    schedule = CosineDecayRestarts(0.5, n_steps, t_mul, m_mul, alpha)
    start, length, height = 0.0, float(n_steps), 1.0
    for _ in range(4):
        inside = np.arange(math.ceil(start + 1e-6), math.ceil(start + length - 1e-6))
        f = (inside - start) / length
        expected = 0.5 * (alpha + (1 - alpha) * height * (1 + np.cos(np.pi * f)) / 2)
        np.testing.assert_allclose([schedule(int(t)) for t in inside], expected, rtol=0, atol=1e-12)
        start, length, height = start + length, length * t_mul, height * m_mul


@for_each("t_mul", ["1", "1.01", "1.1", "1.25", "1.3", "1.5", "1.6", "1.9", "2", "2.5", "3", "7"])
@for_each("n_steps", [1, 10, 37, 1000, 10_000])
def test_a_restart_that_falls_on_a_step_is_at_that_step(t_mul, n_steps):
    schedule = CosineDecayRestarts(0.5, n_steps, float(t_mul))
    start, length = Fraction(0), Fraction(n_steps)
    for _ in range(60):  # in exact arithmetic
        if start > 10**6:
            break
        if start.denominator == 1:
            assert schedule(int(start)) == pytest.approx(0.5, abs=1e-12)
            before = (int(start) - 1 - (start - length / Fraction(t_mul))) / (length / Fraction(t_mul))
            if start > 0:
                expected = 0.25 * (1 + math.cos(math.pi * float(before)))
                assert schedule(int(start) - 1) == pytest.approx(expected, abs=1e-9)
        start, length = start + length, length * Fraction(t_mul)


@for_each("step", [10**6 - 1, 10**6, 10**6 + 1])
@for_each("n_steps", [1, 3, 64, 999])
@for_each("t_mul", [1, 2, 3, 5])
def test_the_millionth_step_is_exact(step, n_steps, t_mul):
    start, length = 0, n_steps  # whole numbers, one descent after the other
    if t_mul == 1:
        start = step - step % n_steps
    while start + length <= step:
        start, length = start + length, length * t_mul
    expected = 0.15 * (1 + math.cos(math.pi * (step - start) / length))
    assert CosineDecayRestarts(0.3, n_steps, t_mul)(step) == pytest.approx(expected, rel=0, abs=1e-16)


def lines_of(call):
    """Return what a call gives, and how many lines of Python it carries out."""
    n, before = 0, sys.gettrace()

    def count(frame, event, argument):
        nonlocal n
        n += event == "line"
        return count

    sys.settrace(count)
    try:
        return call(), n
    finally:
        sys.settrace(before)


@for_each("t_mul", [1, 1 + 1e-15, 1 + 1e-9, 1.001, 2, 1e300])
def test_the_millionth_step_is_not_reached_by_a_walk(t_mul):
    schedule = CosineDecayRestarts(0.3, 1, t_mul, m_mul=0.5)
    for step in (2, 10**6):
        rate, n = lines_of(lambda step=step: schedule(step))
        assert 0 <= rate <= 0.3
        assert n < 500  # a walk from descent to descent takes thousands


# ---- composition --------------------------------------------------------------------------------------------------


@holds_for(LENGTHS, st.one_of(RATES, simple, sequences), FRACTIONS)
def test_a_warm_up_goes_up_to_any_schedule_and_shifts_it(n_steps, then, start_factor):
    schedule, after = LinearWarmup(n_steps, then, start_factor), as_schedule("then", then)
    rates = first(schedule, n_steps + 50)
    assert rates[0] == pytest.approx(start_factor * after(0), rel=1e-14)
    assert np.array_equal(rates[n_steps:], first(after, 50))
    straight = np.linspace(start_factor * after(0), after(0), n_steps + 1)
    np.testing.assert_allclose(rates[: n_steps + 1], straight, rtol=1e-12)  # joins without a jump


@holds_for(nested, LENGTHS)
def test_a_warm_up_in_front_of_a_warm_up_goes_up_to_where_that_begins(then, n_steps):
    schedule = LinearWarmup(n_steps, LinearWarmup(20, then, 0.5), 0.5)
    assert schedule(0) == pytest.approx(0.25 * then(0), rel=1e-14)
    assert schedule(n_steps) == pytest.approx(0.5 * then(0), rel=1e-14)
    assert schedule(n_steps + 20) == then(0)
    assert schedule(n_steps + 20 + 77) == then(77)


@pytest.mark.slow
@holds_for(sequences)
def test_in_a_sequence_each_schedule_begins_at_its_own_step_0(schedule):
    bounds = [0, *schedule.milestones, 350]
    for part, start, stop in zip(schedule.schedules, bounds, bounds[1:], strict=False):
        assert schedule(start) == part(0)
        assert schedule(stop - 1) == part(stop - 1 - start)


def test_sequences_nest():
    inner = SequentialSchedule([0.2, 0.3], [10])
    schedule = SequentialSchedule([0.1, inner, lambda step: step / 100], [5, 25])
    assert [schedule(t) for t in (0, 4, 5, 14, 15, 24, 25, 26)] == [0.1, 0.1, 0.2, 0.2, 0.3, 0.3, 0.0, 0.01]


@holds_for(nested)
def test_whatever_is_composed_gives_plain_finite_numbers_that_are_not_negative(schedule):
    for step in (0, 1, 2, 57, 299, 300, 10**6, np.int64(300), np.uint8(57)):
        assert type(schedule(step)) is float
        assert 0 <= schedule(step) < math.inf


def test_the_function_of_a_user_is_a_schedule():
    def own(step):
        return 0.1 / (1 + step)

    assert as_schedule("learning_rate", own) is own
    assert LinearWarmup(10, own)(11) == own(1)


def test_a_user_defined_schedule_defines_its_rate():
    class InverseSquareRoot(Schedule):
        def __init__(self, initial_learning_rate):
            self.initial_learning_rate = initial_learning_rate

        def rate(self, step):
            return self.initial_learning_rate / math.sqrt(1 + step)

    assert InverseSquareRoot(0.4)(3) == 0.2
    assert repr(InverseSquareRoot(0.4)) == "InverseSquareRoot(initial_learning_rate=0.4)"
    with pytest.raises(NotImplementedError, match=r"Schedule does not define rate\(step\)"):
        Schedule()(0)


@holds_for(nested)
def test_the_repr_a_pickle_and_a_copy_are_the_same_schedule(schedule):
    text = repr(schedule)
    for same in (by_name(text), pickle.loads(pickle.dumps(schedule)), copy.deepcopy(schedule)):
        assert repr(same) == text
        assert np.array_equal(first(same, 100), first(schedule, 100))


def test_the_repr_names_every_value():
    assert repr(LinearWarmup(10, CosineDecay(0.1, 90))) == (
        "LinearWarmup(warmup_steps=10, then=CosineDecay(initial_learning_rate=0.1, decay_steps=90, alpha=0.0), "
        "start_factor=0.0)"
    )
    assert repr(SequentialSchedule([0.1, 0.01], [5])) == (
        "SequentialSchedule(schedules=[ConstantRate(learning_rate=0.1), ConstantRate(learning_rate=0.01)], "
        "milestones=[5])"
    )


def test_an_optimizer_steps_with_the_learning_rates_of_its_schedule():
    schedule = LinearWarmup(3, CosineDecay(0.1, 5), start_factor=0.5)
    model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0, n_features=2, dtype="float64")
    optimizer = nn.SGD(schedule)
    for step in range(10):
        model.grad[:] = 1
        before = model.theta.copy()
        optimizer.step(model)
        np.testing.assert_allclose(before - model.theta, schedule(step), rtol=1e-12, atol=1e-15)


# ---- wrong use ----------------------------------------------------------------------------------------------------

POSITIVE = "expected a finite number above 0, got {}"
COUNT = "expected an integer of at least {}, got {}"
DECAY = "expected a finite number above 0 and of at most 1, got {}"
FRACTION = "expected a finite number of at least 0 and of at most 1, got {}"
RATE = "expected a finite number above 0 or a schedule (a function of the step), got {}"
THE_CLASS = "<class 'nnlite.schedules.decays.CosineDecay'>; write CosineDecay(...)"


@for_each(
    ("call", "message"),
    [
        ("ConstantRate(0)", "learning_rate: " + POSITIVE.format("0")),
        ("ConstantRate('fast')", "learning_rate: " + POSITIVE.format("'fast'")),
        ("ConstantRate(float('nan'))", "learning_rate: " + POSITIVE.format("nan")),
        ("ConstantRate(True)", "learning_rate: " + POSITIVE.format("True")),
        ("StepDecay(-1, 10)", "initial_learning_rate: " + POSITIVE.format("-1")),
        ("StepDecay(0.1, 0)", "step_size: " + COUNT.format(1, 0)),
        ("StepDecay(0.1, 2.5)", "step_size: " + COUNT.format(1, 2.5)),
        ("StepDecay(0.1, 10, 0)", "gamma: " + DECAY.format(0)),
        ("StepDecay(0.1, 10, 10)", "gamma: " + DECAY.format(10)),
        ("ExponentialDecay(None, 10, 0.9)", "initial_learning_rate: " + POSITIVE.format("None")),
        ("ExponentialDecay(0.1, 0, 0.9)", "decay_steps: " + COUNT.format(1, 0)),
        ("ExponentialDecay(0.1, 1, 1.1)", "decay_rate: " + DECAY.format(1.1)),
        ("ExponentialDecay(0.1, 1, 0.9, 'yes')", "staircase: expected True or False, got 'yes'"),
        ("PolynomialDecay(0, 10)", "initial_learning_rate: " + POSITIVE.format("0")),
        ("PolynomialDecay(0.1, -10)", "decay_steps: " + COUNT.format(1, -10)),
        ("PolynomialDecay(0.1, 10, -1)", "end_learning_rate: expected a finite number of at least 0, got -1"),
        ("PolynomialDecay(0.1, 10, power=0)", "power: " + POSITIVE.format("0")),
        ("CosineDecay(0, 10)", "initial_learning_rate: " + POSITIVE.format("0")),
        ("CosineDecay(0.1, 0)", "decay_steps: " + COUNT.format(1, 0)),
        ("CosineDecay(0.1, 10, 1.5)", "alpha: " + FRACTION.format(1.5)),
        ("CosineDecayRestarts(0, 10)", "initial_learning_rate: " + POSITIVE.format("0")),
        ("CosineDecayRestarts(0.1, '10')", "first_decay_steps: " + COUNT.format(1, "'10'")),
        ("CosineDecayRestarts(0.1, 9, 0.5)", "t_mul: expected a finite number of at least 1, got 0.5"),
        ("CosineDecayRestarts(0.1, 9, m_mul=2)", "m_mul: " + DECAY.format(2)),
        ("CosineDecayRestarts(0.1, 9, alpha=-1)", "alpha: " + FRACTION.format(-1)),
        ("OneCycle(0, 10)", "max_learning_rate: " + POSITIVE.format("0")),
        ("OneCycle(0.1, 1)", "total_steps: " + COUNT.format(2, 1)),
        ("OneCycle(0.1, 10, 30)", "pct_start: " + FRACTION.format(30)),
        ("OneCycle(0.1, 10, 0.3, 'cosine')", "anneal_strategy: expected 'cos' or 'linear', got 'cosine'"),
        ("OneCycle(0.1, 10, 0.3, None)", "anneal_strategy: expected 'cos' or 'linear', got None"),
        ("OneCycle(0.1, 10, div_factor=0)", "div_factor: " + POSITIVE.format("0")),
        ("OneCycle(0.1, 10, final_div_factor=-1)", "final_div_factor: " + POSITIVE.format("-1")),
        ("LinearWarmup(0, 0.1)", "warmup_steps: " + COUNT.format(1, 0)),
        ("LinearWarmup(10, -0.1)", "then: " + RATE.format("-0.1")),
        ("LinearWarmup(10, [0.1])", "then: " + RATE.format("[0.1]")),
        (
            "LinearWarmup(10, CosineDecay)",
            "then: " + RATE.format(THE_CLASS),
        ),
        ("LinearWarmup(10, 0.1, 2)", "start_factor: " + FRACTION.format(2)),
        ("SequentialSchedule([], [])", "schedules: expected at least one number or schedule, got none"),
        ("SequentialSchedule(0.1, [])", "schedules: expected a sequence, got 0.1"),
        ("SequentialSchedule([0.1, 'low'], [5])", "schedules[1]: " + RATE.format("'low'")),
        ("SequentialSchedule([0.1, 0.2], 5)", "milestones: expected a sequence, got 5"),
        ("SequentialSchedule([0.1, 0.2], [0])", "milestones[0]: " + COUNT.format(1, 0)),
        ("SequentialSchedule([0.1, 0.2, 0.3], [5, 7.5])", "milestones[1]: " + COUNT.format(1, 7.5)),
        (
            "SequentialSchedule([0.1, 0.2, 0.3], [7, 5])",
            "milestones: expected 2 ascending steps for 3 schedules, got [7, 5]",
        ),
        ("SequentialSchedule([1, 2, 3], [5, 5])", "milestones: expected 2 ascending steps for 3 schedules, got [5, 5]"),
        ("SequentialSchedule([0.1], [5])", "milestones: expected 0 ascending steps for 1 schedules, got [5]"),
        ("SequentialSchedule([0.1, 0.2], [])", "milestones: expected 1 ascending steps for 2 schedules, got []"),
        ("CosineDecay(0.1, 10)(-1)", "step: " + COUNT.format(0, -1)),
        ("LinearWarmup(10, 0.1)(0.5)", "step: " + COUNT.format(0, 0.5)),
        ("ConstantRate(0.1)('first')", "step: " + COUNT.format(0, "'first'")),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(call, message):
    with pytest.raises(nn.ArgumentError) as error:
        by_name(call)
    assert str(error.value) == message


def test_an_optimizer_says_that_a_schedule_would_do():
    with pytest.raises(nn.ArgumentError, match=r"^learning_rate: expected .* above 0 or a schedule .*, got 'fast'$"):
        nn.SGD("fast")
