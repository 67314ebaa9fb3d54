"""Facts about the kinds of columns: found from what they hold, and overridden by name."""

import numpy as np
import pytest

import nnlite as nn

from ..support import for_each, refuse

RNG = np.random.default_rng(0)
N = 60
K = ["a", "b"] * (N // 2)


def kind_of(column, name="x", **options):
    return nn.Table({"other": RNG.normal(size=N), name: column, "k": K}, "k", **options).kinds[name]


@for_each(
    ("column", "kind"),
    [
        (RNG.normal(size=N), "numeric"),
        (RNG.integers(0, 9, N), "numeric"),
        (np.arange(N) * 3, "numeric"),
        ([1, 2] * (N // 2), "numeric"),
        ([0, 1] * (N // 2), "boolean"),
        ([0.0, 1.0, np.nan] * (N // 3), "boolean"),
        ([True, False] * (N // 2), "boolean"),
        (["yes", "no"] * (N // 2), "boolean"),
        (["True", "FALSE", ""] * (N // 3), "boolean"),
        (["t", "f", "?"] * (N // 3), "boolean"),
        (["Yes", "no", "YES"] * (N // 3), "boolean"),
        ([20230101 + 100 * (i % 12) + i % 28 for i in range(N)], "date"),
        ([20230101 + i for i in range(N)], "numeric"),  # there is no 32 January
        ([f"{20230101 + i % 28}" for i in range(N)], "date"),
        (["+", "-"] * (N // 2), "category"),
        (["yes", "no", "maybe"] * (N // 3), "category"),
        (["2", "3", "4", "5more"] * (N // 4), "category"),
        (["01234", "98765", "00001"] * (N // 3), "category"),
        ([f"{i}" for i in range(N)], "numeric"),
        ([f"name {i}" for i in range(N)], "id"),
        ([f"name {i}" for i in range(40)] + ["x"] * 20, "id"),
        (["2020-01-01", "2020-05-07"] * (N // 2), "date"),
        (np.array(["2020-01-01", "NaT"] * (N // 2), "datetime64[D]"), "constant"),
        (np.array(["2020-01-01", "2020-01-02"] * (N // 2), "datetime64[ns]"), "date"),
        ([7] * N, "constant"),
        (["same"] * N, "constant"),
        ([""] * N, "constant"),
        ([None] * N, "constant"),
        (["there", ""] * (N // 2), "category"),
    ],
    ids=str,
)
def test_a_column_is_what_it_holds(column, kind):
    assert kind_of(column) == kind


@for_each("name", ["id", "ID", "PassengerId", "customer_id", "user.id", "index", "uuid"])
def test_a_number_of_its_own_for_each_row_is_an_id_if_its_name_says_so(name):
    column = RNG.permutation(N) * 7 + 1000
    assert kind_of(column, name) == "id"
    assert kind_of(column, "acid") == "numeric"
    assert kind_of(RNG.integers(0, 5, N), name) == "numeric"


def test_a_first_column_that_counts_the_rows_is_an_id_unless_it_is_all_there_is():
    assert nn.Table({"n": range(1, N + 1), "x": RNG.normal(size=N), "k": K}, "k").kinds["n"] == "id"
    assert nn.Table({"x": RNG.normal(size=N), "n": range(1, N + 1), "k": K}, "k").kinds["n"] == "numeric"
    assert nn.Table({"n": range(N), "k": K}, "k").kinds == {"n": "numeric"}


def test_the_index_that_pandas_writes_is_no_feature():
    for numbers in (range(N), RNG.permutation(N)):
        assert kind_of(numbers, "Unnamed: 0") == "index"


def test_a_kind_is_overridden_by_name():
    assert kind_of([1, 2, 3] * 20, kinds={"x": "category"}) == "category"
    assert kind_of([1, 2, 3] * 20, kinds={"x": "ignore"}) == "ignore"
    assert kind_of(["1", "0"] * 30, kinds={"x": "numeric"}) == "numeric"
    assert kind_of([f"name {i}" for i in range(N)], kinds={"x": "category"}) == "category"
    assert kind_of(["20200101", "20200102"] * 30, kinds={"x": "category"}) == "category"


@for_each(
    ("column", "kind", "said"),
    [
        (["red", "blue"] * 30, "numeric", "column 'x' cannot be 'numeric', because it has 'red', 'blue'"),
        (["red", "blue"] * 30, "date", "column 'x' cannot be 'date'"),
        (["yes", "maybe"] * 30, "boolean", "column 'x' cannot be 'boolean', because it has 'maybe'"),
        (RNG.normal(size=N), "date", "column 'x' holds numbers, so it cannot be 'date'"),
        (RNG.normal(size=N), "boolean", "column 'x' holds numbers, so it cannot be 'boolean'"),
        ([1] * N, "text", "expected names of columns with one of 'numeric', 'category', 'boolean', 'date', 'ignore'"),
    ],
)
def test_a_kind_that_a_column_cannot_have_is_refused(column, kind, said):
    refuse(lambda: kind_of(column, kinds={"x": kind}), "kinds: ", said)


def test_a_kind_for_no_column_is_refused():
    refuse(lambda: kind_of([1] * N, kinds={"y": "numeric"}), "kinds: 'y': there is no such column")
    refuse(lambda: kind_of([1] * N, kinds={"k": "numeric"}), "kinds: 'k': is the target")
    refuse(lambda: kind_of([1] * N, kinds=["x"]), "kinds: expected a dictionary")


# ---- missing values --------------------------------------------------------------------------------------------------


@for_each("mark", ["", "?", "NA", "n/a", "NaN", "null", "-", "none", "None", "missing", "#N/A", "."])
def test_the_usual_marks_are_missing_in_numbers(mark):
    table = nn.Table({"x": ["1.5", mark, "2.5", "3.5"], "k": ["a", "b"] * 2}, "k")
    assert (table.kinds["x"], table.columns[0].n_missing) == ("numeric", 1)


@pytest.mark.parametrize("mark", ["-", "none", "None", "missing"])
def test_a_word_that_may_be_a_category_is_one_in_text(mark):
    table = nn.Table({"x": ["red", mark, "blue", "red"], "k": ["a", "b"] * 2}, "k")
    assert table.columns[0].n_missing == 0
    assert (
        nn.Table({"x": ["red", mark, "blue", "red"], "k": ["a", "b"] * 2}, "k", missing=[mark]).columns[0].n_missing
        == 1
    )


@pytest.mark.parametrize(
    "column", [["5", "-999", "7", "9"], [5, -999, 7, 9], [5.0, -999.0, 7.0, 9.0], ["5,5", "-999", "7", "9"]]
)
def test_a_number_can_be_a_mark(column):
    table = nn.Table({"x": column, "k": ["a", "b"] * 2}, "k", missing=["-999"], scaling="none")
    assert table.columns[0].n_missing == 1
    encoding = nn.Encoding.learn(table)
    assert encoding.feature_names == ("x", "x is missing")
    assert encoding.transform(table)[:, 1].tolist() == [0, 1, 0, 0]
    assert encoding.transform(table)[1, 0] == 7  # the median


def test_marks_that_are_given_are_added_to_the_usual_ones_and_none_at_all_leaves_the_empty_cell():
    """As na_values of pandas does."""
    data = {"x": ["a", "NA", "b", "", "n.d.", "a"] * 6, "k": ["a", "b"] * 18}
    for missing, n, values in ((None, 12, 3), (["n.d."], 18, 2), ([], 6, 4)):
        column = nn.Table(data, "k", missing=missing).columns[0]
        assert (column.n_missing, len(column.shown.split(", "))) == (n, values)
        model = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
        model.fit(nn.Table(data, "k", missing=missing), epochs=1, progress=False)
        assert nn.Table(data, like=model).columns[0].n_missing == n


@for_each(
    ("x", "doubt"),
    [
        ([*range(50, 100), *[-999] * 10], "-999"),
        ([*[i / 10 for i in range(50)], *[9999.0] * 10], "9999"),
        ([*range(70, 120), *[0] * 10], "0"),
        ([*range(50, 100), -999, *range(9)], None),  # once is an outlier
        ([*range(59), 60], None),
        ([0] * 30 + [1, 2, 3] * 10, None),
    ],
)
def test_a_number_far_from_all_others_that_comes_again_gets_a_question(x, doubt):
    becomes = nn.Table({"x": x, "k": K}, "k").columns[0].becomes
    assert becomes == "a number, standardized" + (f"; does {doubt} mean that it is missing?" if doubt else "")
    if doubt:
        assert "mean" not in nn.Table({"x": x, "k": K}, "k", missing=[doubt]).columns[0].becomes


def test_a_mark_is_no_value_of_the_column():
    x = ["red", "n/a", "blue", "red", "?", "red"] * 6
    for options in ({}, {"missing": ["n/a"]}):
        column = nn.Table({"x": x, "k": ["a", "b"] * 18}, "k", **options).columns[0]
        assert (column.n_missing, column.shown) == (12, "red 18, blue 6")


@for_each(
    ("cells", "said"),
    [
        ([f"2024-01-{i:02}" for i in range(1, 29)] * 2 + ["soon"], "56 of 57 values are dates, but not 'soon'"),
        ([f"{i}.3.2024" for i in range(1, 29)] + ["later", "?"], "28 of 29 values are dates, but not 'later'"),
        ([f"{i}:30" for i in range(10, 24)] + ["noon"], "14 of 15 values are dates, but not 'noon'"),
        ([f"{i},5 kg" for i in range(40)] + ["heavy"], "40 of 41 values are numbers, but not 'heavy'"),
        ([f"$1,{i}0" for i in range(10, 40)] + ["free"], "30 of 31 values are numbers, but not 'free'"),
    ],
    ids=str,
)
def test_one_word_among_dates_or_numbers_is_named_and_the_column_is_not_left_out(cells, said):
    data = {"when": cells, "x": range(len(cells))}
    refuse(lambda: nn.Table(data).kinds, f"table: column 'when': {said}; if these mean that a value is missing, pass ")
    word = said.split("'")[1]
    table = nn.Table(data, missing=[word])
    assert table.kinds["when"] in ("date", "numeric")
    assert nn.Table(data, kinds={"when": "category"}).kinds["when"] == "category"
    kind = table.kinds["when"]
    refuse(
        lambda: nn.Table(data, kinds={"when": kind}).kinds,
        f"kinds: column 'when' cannot be '{kind}', because it has '{word}'; if this means that a value is missing, "
        f"pass missing=['{word}']",
    )


def test_a_boolean_says_the_words_that_it_knows():
    words = "the words for yes and no are yes/no, true/false"
    refuse(lambda: kind_of(["yes", "maybe"] * 30, kinds={"x": "boolean"}), "kinds: ", "because it has 'maybe'", words)
    encoding = nn.Encoding.learn(nn.Table({"x": ["yes", "no"] * 30}))
    refuse(
        lambda: encoding.transform({"x": ["ja"]}), "X: column 'x': expected yes or no, as in training, got 'ja'", words
    )


def test_categories_that_differ_only_in_capital_letters_get_a_word():
    column = nn.Table({"x": ["Red", "red", "blue"] * 20, "k": K}, "k").columns[0]
    assert "3 categories; 'Red' and 'red' differ only in capital letters" in column.becomes
    assert "differ" not in nn.Table({"x": ["Yes", "yes", "no"] * 20, "k": K}, "k").columns[0].becomes  # a boolean


def test_a_mark_is_a_label_in_the_target_unless_the_user_says_otherwise():
    for labels in (["+", "-"] * 3, ["none", "mild"] * 3, ["NA", "EU"] * 3, ["?", "!"] * 3, ["null", "full"] * 3):
        table = nn.Table({"x": range(6), "k": labels}, "k")
        assert table.class_names == tuple(sorted(set(labels)))
        refuse(
            lambda labels=labels: nn.Table({"x": range(6), "k": labels}, "k", missing=labels[:1]),
            "target: row 0: ",
            "missing",
        )
    refuse(lambda: nn.Table({"x": range(6), "k": ["a", ""] * 3}, "k"), "target: row 1: column 'k': missing value ''")
    refuse(
        lambda: nn.Table({"x": range(6), "k": ["1.5", "NA"] * 3}, "k"), "target: row 1: column 'k': missing value 'NA'"
    )


def test_a_number_that_is_infinite_is_refused_with_its_row_and_column():
    table = nn.Table({"a": ["1,5", "1e999", "2,25"], "b": [1, 2, 3]})
    for use in (lambda: str(table), lambda: table.kinds):
        refuse(use, "table: row 1: column 'a': expected a finite number, got '1e999'")


def test_one_advice_names_the_odd_words_of_all_columns():
    numbers = [str(i + 0.5) for i in range(30)]
    days = [f"2024-01-{i % 28 + 1:02d}" for i in range(30)]
    data = {"a": ["n.d.", "unknown", *numbers[2:]], "b": ["k.A.", "n.d.", *numbers[2:]], "day": ["tba", *days[1:]]}
    words = ["n.d.", "unknown", "k.A.", "tba"]
    with pytest.raises(nn.ArgumentError) as caught:
        nn.Table(data).kinds  # noqa: B018
    for part in ("'a'", "'b'", "'day'", f"pass missing={words}"):
        assert part in str(caught.value)
    assert nn.Table(data, missing=words).kinds == {"a": "numeric", "b": "numeric", "day": "date"}
    with pytest.raises(nn.ArgumentError) as caught:
        nn.Table(data, missing=["n.d."]).kinds  # noqa: B018
    assert f"pass missing={words}" in str(caught.value)  # as it stands: with what was said already
