"""Facts about what has named columns: whatever library made it, the network gets the same numbers."""

import datetime
import decimal
import io

import numpy as np
import pytest

import nnlite as nn
from nnlite.tables.frames import Frame, Text, frame_of, has_named_columns

from ..support import for_each, refuse

N = 30
RNG = np.random.default_rng(0)
DAYS = np.datetime64("2020-01-01") + RNG.integers(0, 900, N)
DATA = {
    "size": RNG.normal(30, 10, N),
    "coat": RNG.choice(["long", "short"], N),
    "tame": RNG.choice([True, False], N),
    "born": DAYS,
    "n": RNG.integers(0, 5, N),
}
Y = ["cat", "dog"] * (N // 2)


@pytest.fixture(scope="module")
def model():
    network = nn.Model([nn.Dense(4), nn.ReLU(), nn.Dense(2), nn.Softmax()], seed=0)
    network.fit(DATA, Y, epochs=2, progress=False)
    return network


def check(model, data):
    np.testing.assert_allclose(model.predict_proba(data), model.predict_proba(DATA), rtol=1e-6)


# ---- plain Python and NumPy ------------------------------------------------------------------------------------------


def test_dictionaries_lists_and_structured_arrays(model):
    rows = [dict(zip(DATA, row, strict=True)) for row in zip(*DATA.values(), strict=True)]
    check(model, {name: list(column) for name, column in DATA.items()})
    check(model, {name: column.astype(object) for name, column in DATA.items()})
    check(model, rows)
    check(model, np.rec.fromarrays(list(DATA.values()), names=list(DATA)))
    check(model, DATA | {"born": [day.astype(datetime.date) for day in DAYS]})
    check(model, DATA | {"born": [str(day) for day in DAYS], "tame": ["yes" if t else "no" for t in DATA["tame"]]})
    check(model, DATA | {"n": [decimal.Decimal(int(n)) for n in DATA["n"]], "coat": DATA["coat"].astype("S")})


def test_one_row_is_enough(model):
    one = {name: column[:1] for name, column in DATA.items()}
    np.testing.assert_allclose(model.predict_proba(one), model.predict_proba(DATA)[:1], rtol=1e-6)


def test_missing_values_in_every_form_are_the_same():
    for nothing in (None, np.nan, float("nan"), ""):
        frame = frame_of({"x": [1.5, nothing], "c": ["red", nothing]})
        assert frame.columns["c"].to_array().tolist() == ["red", ""]
    assert np.isnan(frame_of({"x": [1.5, None]}).columns["x"][1])
    assert np.isnat(frame_of({"d": [datetime.date(2020, 1, 1), None]}).columns["d"][1])
    assert frame_of({"b": [True, None, False]}).columns["b"].to_array().tolist() == ["True", "", "False"]


@for_each(
    ("data", "said"),
    [
        ({"a": [1, 2], "b": [1]}, "data: column 'b' has 1 rows, and 'a' has 2"),
        ({"a": []}, "data: has columns, but no rows"),
        ({}, "data: expected 1 to 65536 columns, got 0"),
        ({"a": 3}, "data: column 'a': expected a value for each row, got 3"),
        ({"a": "text"}, "data: column 'a': expected a value for each row, got 'text'"),
        ({"a": np.ones((2, 2))}, "data: column 'a': expected one value for each row, got shape (2, 2)"),
        ({"a": [[1], [2]]}, "data: column 'a': expected numbers, text, booleans or dates, got [1]"),
        ({"a": [1j, 2j]}, "data: column 'a': expected numbers, text, booleans or dates, got 1j"),
        ([{"a": 1}, {"b": 1}], "data: row 1 has the columns ['b'], and row 0 has ['a']"),
        ([{"a": 1}, 3], "data: row 1 has the columns 'int', and row 0 has ['a']"),
        (np.ones((2, 2)), "data: expected named columns"),
        ([[1, 2]], "data: expected named columns"),
        (None, "data: expected named columns"),
    ],
)
def test_what_has_no_named_columns_of_equal_length_is_refused(data, said):
    refuse(lambda: nn.Table(data), said)


def test_arrays_and_lists_have_no_named_columns():
    for data in (np.ones((2, 2)), [[1.0]], [], (1, 2), "text", 3, None):
        assert not has_named_columns(data)


def test_text_keeps_each_cell_once():
    text = Text.of([" red", "blue", "red "])
    assert (text.cells, text.codes.tolist(), text.counts()) == (["red", "blue"], [0, 1, 0], {"red": 2, "blue": 1})
    assert text.take([1]).counts() == {"blue": 1}


# ---- other libraries -------------------------------------------------------------------------------------------------


def test_pandas(model):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(DATA)
    check(model, frame)
    check(model, frame[frame.columns[::-1]])
    check(model, frame.convert_dtypes())
    check(model, frame.astype(object))
    check(model, frame.assign(coat=frame["coat"].astype("category"), n=frame["n"].astype("Int8")))
    check(model, frame.assign(born=frame["born"].dt.tz_localize("UTC")))
    check(model, frame.set_index(pd.Index(range(100, 100 + N))))
    check(model, frame.assign(born=frame["born"].dt.to_period("D")))
    check(model, nn.read_table(io.StringIO(frame.to_csv())))
    check(model, nn.read_table(io.StringIO(frame.sample(frac=1, random_state=0).sort_index().to_csv()), like=model))
    refuse(lambda: model.predict(pd.concat([frame, frame[["n"]]], axis=1)), "X: two columns are called 'n'")
    gone = frame.mask(RNG.random(frame.shape) < 0.2)
    assert np.isfinite(model.predict_proba(gone)).all()


def test_polars(model):
    pl = pytest.importorskip("polars")
    frame = pl.DataFrame({name: column if name == "born" else column.tolist() for name, column in DATA.items()})
    check(model, frame)
    check(model, frame.with_columns(pl.col("coat").cast(pl.Categorical), pl.col("n").cast(pl.Int8)))
    check(model, frame.select(sorted(frame.columns)))
    refuse(lambda: model.predict(frame.lazy()), "X: is a lazy frame; pass X.collect()")
    assert np.isfinite(model.predict_proba(frame.with_columns(size=pl.lit(None), coat=pl.lit(None)))).all()


def test_arrow(model):
    pa = pytest.importorskip("pyarrow")
    table = pa.table({name: pa.array(column) for name, column in DATA.items()})
    check(model, table)
    check(model, pa.concat_tables([table[:7], table[7:]]))
    check(model, table.to_batches()[0])
    check(model, table.set_column(1, "coat", pa.array(DATA["coat"]).dictionary_encode()))


class Stream:
    """Only what the Arrow PyCapsule interface asks for, as DuckDB and others offer it."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def test_whatever_gives_an_arrow_stream(model):
    pa = pytest.importorskip("pyarrow")
    check(model, Stream(pa.table({name: pa.array(column) for name, column in DATA.items()})))


# ---- what a type says ------------------------------------------------------------------------------------------------


def test_a_type_for_categories_makes_a_category_of_numbers():
    pd, pl, pa = (pytest.importorskip(name) for name in ("pandas", "polars", "pyarrow"))
    codes = ["3", "1", "20"] * 10
    for column in (
        pd.Series(pd.Categorical([3, 1, 20] * 10, categories=[1, 3, 20, 99])),
        pl.Series(codes, dtype=pl.Categorical),
        pl.Series(codes, dtype=pl.Enum(["1", "3", "20", "99"])),
        pa.array(codes).dictionary_encode(),
    ):
        table = nn.Table({"x": column, "n": range(30)})
        assert table.kinds["x"] == "category"
        encoding = nn.Encoding.learn(table)
        assert encoding.feature_names[:3] == ("x=1", "x=20", "x=3")  # what never occurs has no place
        assert encoding.transform({"x": [20], "n": [1]})[0, :3].tolist() == [0, 1, 0]


def test_spans_of_time_are_numbers_of_days():
    spans = [datetime.timedelta(hours=12 * i) for i in range(N)]
    columns = [spans, np.array(spans, "timedelta64[s]"), [*np.array(spans, "timedelta64[m]")]]
    for library in ("pandas", "polars", "pyarrow"):
        made = pytest.importorskip(library)
        columns.append(made.array(spans) if library == "pyarrow" else made.Series(spans))
    for column in columns:
        table = nn.Table({"x": column, "c": ["u", "v"] * (N // 2)}, scaling="none")
        assert nn.Encoding.learn(table).transform(table)[:, 0].tolist() == [0.5 * i for i in range(N)]
    assert np.isnan(frame_of({"x": [spans[1], None]}).columns["x"]).tolist() == [False, True]


def test_labels_in_a_frame_of_one_column_are_labels():
    pd = pytest.importorskip("pandas")
    for y in (np.array(Y)[:, None], pd.DataFrame({"kind": Y}), pd.DataFrame({"kind": Y}).to_numpy()):
        network = nn.Model([nn.Dense(2), nn.Softmax()], seed=0)
        network.fit(DATA, y, epochs=1, progress=False)
        assert network.class_names == ("cat", "dog")


def test_a_frame_without_a_column_knows_nothing_of_it():
    frame = Frame({"a": np.ones(2), "b": np.ones(2)}, {"a": True, "b": False}, [(0, 2)], first_row=3)
    left = frame.without(["a"])
    assert (left.names, left.plain, left.lines, left.first_row) == (("b",), {"b": False}, [(0, 2)], 3)
