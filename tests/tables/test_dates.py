"""Facts about dates in text: the order of day and month is that which fits every date, or both are named."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnlite as nn
from nnlite.tables.dates import AmbiguousDate, guess_order, parse, to_dates

from ..support import for_each, refuse

FORMATS = {
    "%Y-%m-%d": "ymd", "%Y/%m/%d": "ymd", "%Y-%m-%dT%H:%M:%S": "ymd", "%Y-%m-%d %H:%M": "ymd", "%Y%m%dT%H%M%S": "ymd",
    "%d.%m.%Y": "dmy", "%d/%m/%Y": "dmy", "%d-%b-%Y": "dmy", "%d %B %Y": "dmy", "%d/%m/%Y %H.%M.%S": "dmy",
    "%m/%d/%Y": "mdy", "%b %d, %Y": "mdy", "%B %d %Y": "mdy", "%m/%d/%Y %I:%M %p": "mdy", "%m/%d/%y": "mdy",
}  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@given(moment=st.datetimes(datetime.datetime(1970, 1, 1), datetime.datetime(2068, 12, 31)))
def test_what_python_writes_is_read_back(form, moment):
    moment = datetime.datetime.strptime(moment.strftime(form), form)
    assert parse(moment.strftime(form), FORMATS[form]) == moment


@for_each(
    ("cells", "order"),
    [
        (["2004-03-10", "2004-12-31"], "ymd"),
        (["10/03/2004", "13/03/2004"], "dmy"),
        (["10/03/2004", "03/13/2004"], "mdy"),
        (["10.3.2004"], "dmy"),
        (["5 Mar 2004", "15-Mar-2004"], "dmy"),
        (["March 5th, 2004"], "mdy"),
        (["18:00", "06:30"], "time"),
        (["18.00.00"], "time"),
        (["10:30 pm"], "time"),
        (["Mon, 05 Jan 2004 10:00:00 GMT", "Tuesday 6 January 2004"], "dmy"),
        (["2004-03-10 10:00:00 +0200", "2004-03-10 10:00 CEST"], "ymd"),
        (["13/02/2004", "2004-03-10", "5 Mar 2004", "March 5, 2004"], "dmy"),  # the others have one reading only
        (["02/13/2004", "2004-03-10", "5 Mar 2004"], "mdy"),
        (["2004-03-10", "5 Mar 2004"], "dmy"),
        (["31/12/2004", "12/31/2004"], None),
        (["31/02/2004"], None),
        (["2004-13-01"], None),
        (["2004-03-10", "soon"], None),
        (["20040310"], None),
        (["1.5"], None),
        ([], None),
    ],
)
def test_the_order_is_that_which_fits_all(cells, order):
    assert guess_order(cells) == order


def test_a_date_that_may_have_either_order_is_refused():
    assert guess_order(["01/02/2004", "03/04/2004"]) == AmbiguousDate("01/02/2004", "dmy", "mdy")
    assert guess_order(["01/01/2004", "02/02/2004"]) == "dmy"  # the same day in both
    cells = ["01/02/2004", "03/04/2004"]
    table = nn.Table({"born": cells, "k": ["a", "b"]}, "k")
    refuse(
        lambda: table.kinds,
        "table: column 'born': the date '01/02/2004' may have the day or the month first; pass dates='dmy'",
    )
    assert nn.Table({"born": cells, "k": ["a", "b"]}, "k", dates="mdy").kinds == {"born": "date"}


def test_dates_are_counted_in_seconds_and_what_is_none_is_nat():
    found = to_dates(["2004-03-10 01:00", "x"], "ymd")
    assert found[0] == np.datetime64("2004-03-10T01:00:00")
    assert np.isnat(found[1])


def test_a_column_of_dates_becomes_its_parts():
    """The oracle is Python's datetime."""
    days = [datetime.date(2020, 2, 27) + datetime.timedelta(days=37 * i) for i in range(12)]
    table = nn.Table({"born": [day.strftime("%d.%m.%Y") for day in days], "k": ["a", "b"] * 6}, "k")
    encoding = nn.Encoding.learn(table)
    X = encoding.transform(table, dtype="float64")
    parts = {
        "year": [d.year for d in days], "month": [d.month for d in days], "day": [d.day for d in days],
        "weekday": [d.weekday() for d in days], "days since": [(d - days[0]).days for d in days],
    }  # fmt: skip
    assert encoding.feature_names == tuple(f"born: {part}" for part in parts)
    for k, values in enumerate(parts.values()):
        np.testing.assert_allclose(X[:, k], (np.array(values) - np.mean(values)) / (np.std(values) or 1), atol=1e-12)


def test_times_add_the_hour():
    cells = ["2020-01-01 06:30", "2020-01-02 18:00", ""]
    encoding = nn.Encoding.learn(nn.Table({"at": cells, "k": ["a", "b", "a"]}, "k"))
    assert "at: hour" in encoding.feature_names
    assert encoding.feature_names[-1] == "at is missing"
    alone = nn.Encoding.learn(nn.Table({"at": ["06:30", "18:00", "07:15"], "k": ["a", "b", "a"]}, "k"))
    assert alone.feature_names == ("at: hour",)


def test_whole_numbers_are_dates_if_all_of_them_are():
    """The oracle is Python's datetime."""
    days = [datetime.date(1999, 12, 1) + datetime.timedelta(days=91 * i) for i in range(12)]
    numbers = [int(day.strftime("%Y%m%d")) for day in days]
    expected = nn.Encoding.learn(nn.Table({"born": days, "k": ["a", "b"] * 6}, "k"))
    for cells in (numbers, np.array(numbers, np.float64), [str(number) for number in numbers]):
        table = nn.Table({"born": cells, "k": ["a", "b"] * 6}, "k")
        found = nn.Encoding.learn(table)
        np.testing.assert_array_equal(found.transform(table), expected.transform({"born": days}))
        refuse(lambda: found.transform({"born": [20240230]}), "X: column 'born': expected ")  # noqa: B023
    for wrong in (20240230, 18991231, 20241301, 2024010):
        assert nn.Table({"born": [*numbers, wrong], "x": range(13)}).kinds["born"] == "numeric"
    assert nn.Table({"born": numbers[:3], "k": ["a", "b", "a"]}, "k", kinds={"born": "date"}).kinds["born"] == "date"


def test_dates_that_no_order_fits_are_named():
    cells = [f"{i}/12/2024" for i in range(13, 31)] + ["12/31/2024"]
    table = nn.Table({"born": cells, "x": range(19)})
    refuse(
        lambda: table.kinds, "table: column 'born': no order of day, month and year fits all of ", "'13/12/2024'",
        "'12/31/2024'; pass dates=",
    )  # fmt: skip


def test_a_date_that_has_one_reading_only_is_read_at_prediction_too():
    learned = nn.Encoding.learn(nn.Table({"born": ["13.2.2004", "14.3.2004", "15.3.2004"], "x": range(3)}))
    expected = learned.transform({"born": ["31.1.2024"], "x": [1]})
    for cell in ("2024-01-31", "31 Jan 2024", "January 31, 2024"):
        np.testing.assert_array_equal(learned.transform({"born": [cell], "x": [1]}), expected)
    assert guess_order(["01/02/2004", "13/02/2004", "2004-12-31"]) == "dmy"
    assert guess_order(["01/02/2004", "2004-12-31"]) == AmbiguousDate("01/02/2004", "dmy", "mdy")


def test_columns_may_have_an_order_each():
    data = {"a": ["01/02/2004", "03/04/2004"], "b": ["01/02/2004", "03/04/2004"]}
    refuse(lambda: nn.Table(data).kinds, "table: column 'a': the date ", "for this column alone dates={'a': 'dmy'}")
    table = nn.Table(data, dates={"a": "dmy", "b": "mdy"})
    months = nn.Encoding.learn(table).kinds
    assert (months["a"].order, months["b"].order) == ("dmy", "mdy")
    refuse(lambda: nn.Table(data, dates={"c": "dmy"}), "dates: 'c': there is no such column")
    refuse(lambda: nn.Table(data, dates={"a": "ydm"}), "dates: expected 'ymd', 'dmy' or 'mdy'")


def test_many_dates_as_iso_8601_writes_them_are_read_at_once_and_the_same():
    cells = ["2024-02-29", "1999-12-31T23:59", "2000-01-01 00:00:07", "0001-01-01"]
    one_by_one = [np.datetime64(parse(cell, "ymd"), "s") for cell in cells]
    assert to_dates(cells, "ymd").tolist() == to_dates([*cells, "x"], "ymd")[:-1].tolist()
    np.testing.assert_array_equal(to_dates(cells, "ymd"), one_by_one)
    assert guess_order(cells) == "ymd"
    for wrong in ("2023-02-29", "0000-01-01", "2024-01-01T24:00", "2024-01-01 10:60"):
        assert guess_order([*cells, wrong]) is None
        assert np.isnat(to_dates([*cells, wrong], "ymd")[-1])
