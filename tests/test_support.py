"""What the tests share must not hide a failure."""

import inspect

import pytest

from .support import for_each


def test_a_test_for_each_value_runs_with_all_and_names_those_that_fail():
    seen = []

    @for_each("n", [1, 2, 3], ids="number {}".format)
    @for_each(("word", "length"), [("one", 3), ("three", 5)])
    def test(n, word, length, fixture):
        seen.append((n, word, length, fixture))
        assert len(word) == length
        if n == 2 and word == "three":
            pytest.fail("as it must")
        assert n < 3

    assert list(inspect.signature(test).parameters) == ["fixture"]
    with pytest.raises(BaseExceptionGroup, match=r"^2 of 3 cases failed: number 2; number 3") as caught:
        test(fixture="f")
    assert seen == [(n, *case, "f") for n in (1, 2, 3) for case in (("one", 3), ("three", 5))]
    second, third = caught.value.exceptions
    assert second.message == "1 of 2 cases failed: 'three', 5"
    assert [type(error) for error in third.exceptions] == [AssertionError] * 2
    assert third.__notes__ == ["with number 3"]


def test_a_test_for_each_value_may_be_skipped_and_needs_a_value():
    @for_each("n", [1, 2])
    def test(n):
        pytest.skip("not here")

    with pytest.raises(pytest.skip.Exception):
        test()
    with pytest.raises(AssertionError):
        for_each("n", [])

    @for_each("n", [1, 2, 3])
    def other(n):
        assert n > 1
        pytest.skip("not here")

    with pytest.raises(BaseExceptionGroup, match=r"^1 of 3 cases failed: 1"):
        other()
