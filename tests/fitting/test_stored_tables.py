"""Facts about trainings on tables in files that are read in pieces: CSV, Parquet, Feather, and data sets of Arrow."""

import os

import numpy as np
import pytest

import nnlite as nn
from nnlite.stored import learning, table_files, temporary

from ..support import for_each, refuse

N = 900
CITIES = np.array(["Bern", "Oslo", "Rom"])


def columns(n=N, seed=0):
    rng = np.random.default_rng(seed)
    age, city = rng.integers(18, 90, n), CITIES[rng.integers(0, 3, n)]
    income = np.round(rng.normal(50, 10, n) + 10 * (city == "Oslo"), 2)
    bought = np.where(income + age / 10 + rng.normal(0, 3, n) > 58, "yes", "no")
    return {"age": age, "city": city, "income": income, "bought": bought}


def write_csv(path, data, rows=slice(None)):
    names = list(data)
    lines = [
        ",".join(names),
        *(",".join(map(str, row)) for row in zip(*(data[name][rows] for name in names), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three CSV files with a table."""
    made, data = tmp_path_factory.mktemp("csv"), columns()
    for i, rows in enumerate((slice(0, 400), slice(400, 401), slice(401, N))):
        write_csv(made / f"part-{i}.csv", data, rows)
    return made


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr("nnlite.tables.csv_file.BLOCK", 400)  # cells: 100 rows
    monkeypatch.setattr(table_files, "AT_ONCE", 400)


def network(output=None, units=2):
    return nn.Model([nn.Dense(8), nn.Tanh(), nn.Dense(units), output or nn.Softmax()], seed=0)


def fit(model, data, **options):
    given = {"epochs": 8, "batch_size": 32, "progress": False, "optimizer": nn.Adam(0.02)} | options
    return model.fit(data, **given)


def test_a_folder_of_csv_is_the_table_of_its_rows(folder):
    """A table smaller than the sample: all that is learned of it is exact."""
    stored, whole = nn.open_table(folder, target="bought"), nn.Table(columns(), target="bought")
    model, expected = network(), network()
    fit(model, stored, shuffle=False)
    fit(expected, whole, shuffle=False)
    assert model.encoding == expected.encoding
    assert model.class_names == expected.class_names == ("no", "yes")
    np.testing.assert_allclose(model.theta, expected.theta, rtol=1e-5, atol=1e-6)
    assert model.evaluate(stored) == pytest.approx(expected.evaluate(whole), rel=1e-5)
    np.testing.assert_array_equal(model.predict(stored, names=True), expected.predict(whole, names=True))
    assert model.evaluate(stored)["accuracy"] > 0.8
    shuffled = fit(network(), stored)
    assert shuffled["accuracy"][-1] > 0.8


def test_statistics_come_from_the_training_rows_alone(folder):
    train, held_out = nn.open_table(folder, target="bought").split(0.3, seed=1)
    model, other = network(), network()
    history = fit(model, train, validation_data=held_out)
    fit(other, nn.open_table(folder, target="bought"), validation_split=0.3)
    rows = [train.selected(piece) for piece in train.pieces()]
    income = np.concatenate([piece.frame.columns["income"] for piece in train.pieces()])[np.concatenate(rows)]
    assert model.encoding.columns[2].center == pytest.approx(income.mean(), rel=1e-9)
    assert model.evaluate(held_out)["loss"] == pytest.approx(history["val_loss"][-1], rel=1e-5)
    assert len(model.predict(train)) + len(model.predict(held_out)) == N


def test_a_value_to_predict_is_standardized(folder):
    model = network(nn.Identity(), 1)
    history = fit(model, nn.open_table(folder, target="income"), epochs=20)
    assert model.target_scale is not None
    assert history["rmse"][-1] < 11
    assert 40 < model.predict(nn.open_table(folder, target="income")).mean() < 65


def test_the_sample_of_a_large_table_is_uniform_and_the_same_each_time(folder, monkeypatch):
    monkeypatch.setattr(learning, "SAMPLE", 100)
    table = nn.open_table(folder, target="bought")
    found, again = learning.learn(table), learning.learn(table)
    assert (found.n_rows, found.n_selected, len(found.sample)) == (N, N, 100)
    assert found.encoding == again.encoding
    ages = columns()["age"]
    assert abs(found.sample["age"].mean() - ages.mean()) < 5 * ages.std() / 10
    assert found.labels == ("no", "yes")


def test_parquet_feather_and_a_data_set_of_arrow(folder, tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.dataset")
    pytest.importorskip("pyarrow.feather")
    pytest.importorskip("pyarrow.parquet")

    table = pyarrow.table(columns())
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet", row_group_size=250)
    pyarrow.feather.write_feather(table, tmp_path / "a.feather", chunksize=250)
    model = network()
    fit(model, nn.open_table(folder, target="bought"), shuffle=False)
    (tmp_path / "parts").mkdir()
    pyarrow.parquet.write_table(table.slice(0, 500), tmp_path / "parts" / "0.parquet")
    pyarrow.parquet.write_table(table.slice(500), tmp_path / "parts" / "1.parquet")
    sources = [tmp_path / "a.parquet", tmp_path / "a.feather", tmp_path / "parts",
               pyarrow.dataset.dataset(tmp_path / "parts")]  # fmt: skip
    for source in sources:
        other = network()
        fit(other, nn.open_table(source, target="bought"), shuffle=False)
        assert other.encoding == model.encoding
        np.testing.assert_array_equal(other.theta, model.theta)


@for_each("form", ["parquet", "feather"])
def test_folders_that_name_values_are_columns(tmp_path_factory, form):
    """As pyarrow, Spark and pandas write partitioned data; the rows of each file follow each other."""
    pyarrow = pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset")
    folder, data = tmp_path_factory.mktemp("hive") / "people", columns() | {"year": 2020 + np.arange(N) // 300}
    how = dataset.partitioning(pyarrow.schema([("year", pyarrow.int32()), ("city", pyarrow.string())]), flavor="hive")
    dataset.write_dataset(pyarrow.table(data), folder, format=form, partitioning=how)
    stored = nn.open_table(folder, target="bought")
    assert set(stored.names) == {"age", "income", "bought", "year", "city"}
    rows = {name: np.concatenate([learning.learn(stored).sample[name]]) for name in stored.names}
    order = np.lexsort((data["age"], data["income"], data["city"], data["year"]))
    found = np.lexsort((rows["age"], rows["income"], rows["city"], rows["year"]))
    for name in stored.names:
        assert rows[name][found].tolist() == np.asarray(data[name])[order].tolist()
    fit(model := network(), stored)
    opened = nn.open_table(dataset.dataset(folder, format=form, partitioning="hive"), target="bought")
    fit(same := network(), opened)
    np.testing.assert_array_equal(same.theta, model.theta)
    part = folder / "year=2020"
    refuse(lambda: model.predict(nn.open_table(part)), f"{part}/city=Bern/part-0.{form}: there is no column 'year'",
           error=nn.DataFileError)  # fmt: skip
    file = sorted(folder.rglob(f"*.{form}"))[-1]
    file.write_bytes(b"")
    refuse(lambda: fit(network(), nn.open_table(folder, target="bought")), f"{file}: cannot be read",
           error=nn.DataFileError)  # fmt: skip


def test_folders_that_name_values_of_csv_files_are_refused_with_the_way_out(tmp_path):
    (tmp_path / "year=2020").mkdir()
    (tmp_path / "year=2020" / "a.csv").write_text("a,y\n1,no\n")
    refuse(lambda: nn.open_table(tmp_path), f"{tmp_path}/year=2020/a.csv: expected a Parquet or Feather file",
           "as a data set of pyarrow", error=nn.DataFileError)  # fmt: skip


@pytest.mark.slow
def test_a_large_group_of_rows_of_parquet_is_not_read_as_a_whole(tmp_path, monkeypatch):
    pyarrow = pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset")
    parquet = pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(0)
    table = pyarrow.table({f"x{i}": rng.standard_normal(600_000) for i in range(10)})
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=600_000, use_dictionary=False)
    n_bytes = table.nbytes
    del table
    before = pyarrow.total_allocated_bytes()
    monkeypatch.setattr(table_files, "AT_ONCE", 2**16)
    for source in (tmp_path / "a.parquet", dataset.dataset(tmp_path)):
        most = max(pyarrow.total_allocated_bytes() - before for _ in nn.open_table(source).pieces())
        assert most < n_bytes / 3


def test_a_table_in_memory_evaluates_what_a_stored_one_has_taught(folder, tmp_path):
    model = network()
    fit(model, nn.open_table(folder, target="bought"))
    model.save(tmp_path / "model.npz")
    loaded = nn.load(tmp_path / "model.npz")
    whole = nn.Table(columns(), target="bought")
    assert loaded.evaluate(whole) == pytest.approx(model.evaluate(nn.open_table(folder)), rel=1e-5)


def test_a_table_like_another_has_its_kinds_classes_and_target(folder, tmp_path):
    """What one table has taught is not guessed anew from another one, whose few rows say less."""
    (tmp_path / "new.csv").write_text("city,age,income,bought\nRom,30,55,yes\nRom,40,45,yes\n")
    train = nn.open_table(folder, target="bought", kinds={"age": "category"})
    fit(model := network(), train, epochs=1)
    for like in (train, nn.Table(columns(), target="bought", kinds={"age": "category"}), model):
        table = nn.open_table(tmp_path / "new.csv", like=like)
        assert table.target_name == "bought"
        sample = learning.learn(table).sample
        assert (sample.class_names, sample.y.tolist()) == (("no", "yes"), [1, 1])
        assert sample.kinds == {"city": "category", "age": "category", "income": "numeric"}
        assert model.evaluate(table)["loss"] > 0
    (tmp_path / "bare.csv").write_text("Rom,30,55\nOslo,40,45\n")
    refuse(lambda: nn.open_table(tmp_path / "bare.csv", like=3), "like: expected a Table or a Model, got int")
    refuse(lambda: nn.open_table(tmp_path / "new.csv", like=train, class_names=["a", "b"]), "class_names: like= has")
    refuse(lambda: nn.open_table(tmp_path / "new.csv", like=train, kinds={"age": "numeric"}), "kinds: column 'age'")
    (tmp_path / "new.csv").write_text("city,age,income,bought\nRom,30,55,perhaps\n")
    refuse(lambda: learning.learn(nn.open_table(tmp_path / "new.csv", like=train)),
           f"{tmp_path}/new.csv: line 2: column 'bought': the class 'perhaps'", error=nn.DataFileError)  # fmt: skip


def test_a_table_without_a_header_is_read_like_another_one(tmp_path):
    rows = [f"{i % 7},{'ab'[i % 2]},{'xy'[i % 2]}" for i in range(60)]
    (tmp_path / "train.csv").write_text("\n".join(rows) + "\n")
    train = nn.open_table(tmp_path / "train.csv", target=2)
    fit(model := network(), train, epochs=1)
    (tmp_path / "new.csv").write_text("\n".join(row.rpartition(",")[0] for row in rows) + "\n")
    new = nn.open_table(tmp_path / "new.csv", like=model)
    assert new.names == ("column 1", "column 2")
    np.testing.assert_array_equal(model.predict(new), model.predict(train))


# ---- damage and wrong use --------------------------------------------------------------------------------------------


def test_damage_is_named_by_file_and_line(tmp_path):
    data = columns()
    write_csv(tmp_path / "a.csv", data, slice(0, 500))
    write_csv(tmp_path / "b.csv", data, slice(500, N))
    (tmp_path / "b.csv").write_text((tmp_path / "b.csv").read_text().replace("\n", "\n1,2\n", 3))
    refuse(lambda: fit(network(), nn.open_table(tmp_path, target="bought")), f"{tmp_path}/b.csv: line 2: has 2 columns",
           error=nn.DataFileError)  # fmt: skip
    (tmp_path / "b.csv").write_text("age,city,bought\n1,Rom,no\n")
    refuse(lambda: nn.open_table(tmp_path, target="bought"), f"{tmp_path}/b.csv: there is no column 'income'",
           error=nn.DataFileError)  # fmt: skip
    (tmp_path / "b.csv").write_text("age,city,income,bought\n1,Rom,3.5,no\n2,Rom,4.5,\n")
    refuse(lambda: fit(network(), nn.open_table(tmp_path, target="bought")),
           f"{tmp_path}/b.csv: line 3: column 'bought': missing value", error=nn.DataFileError)  # fmt: skip
    (tmp_path / "b.csv").write_text("age,city,income,bought\n1,Rom,much,no\n2,Rom,4.5,no\n")
    table = nn.open_table(tmp_path, target="bought")
    refuse(lambda: fit(network(), table), f"{tmp_path}: column 'income'", f"'much' ({tmp_path}/b.csv: line 2); if",
           error=nn.DataFileError)  # fmt: skip


def test_a_class_too_many_is_named_with_its_rows(tmp_path):
    write_csv(tmp_path / "a.csv", columns(60), slice(0, 60))
    with (tmp_path / "a.csv").open("a") as file:
        file.write("1,Rom,3.5,nO\n")
    refuse(lambda: fit(network(), nn.open_table(tmp_path, target="bought")), "y: has 3 classes",
           f"the rarest are 'nO' in 1 row ({tmp_path}/a.csv: line 62), ", "Dense(3), Softmax()")  # fmt: skip


def test_text_outside_of_the_sample_may_be_names(tmp_path, monkeypatch):
    data = columns(300)
    write_csv(tmp_path / "a.csv", data, slice(0, 300))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    lines[200] = "30,Bern,much,no"
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(learning, "SAMPLE", 20)
    refuse(lambda: fit(network(), nn.open_table(tmp_path, target="bought")), f"{tmp_path}/a.csv: line 201: ", "missing",
           "if these are names, pass kinds={'income': 'category'}", error=nn.DataFileError)  # fmt: skip


def test_a_wrong_row_is_named_by_file_and_line_in_later_pieces_too(tmp_path):
    data = columns(300)
    write_csv(tmp_path / "a.csv", data, slice(0, 100))
    write_csv(tmp_path / "b.csv", data, slice(100, 300))
    fit(model := network(), nn.open_table(tmp_path, target="bought"), epochs=1)
    good = (tmp_path / "b.csv").read_text().splitlines()
    for cells, said in [("30,Bern,much,no", "column 'income': expected a finite number, got 'much'"),
                        ("30,Bern,40.5,maybe", "column 'bought': the class 'maybe' is not")]:  # fmt: skip
        (tmp_path / "b.csv").write_text("\n".join([*good[:170], cells, *good[171:]]) + "\n")
        with pytest.raises(nn.DataFileError) as caught:
            model.evaluate(nn.open_table(tmp_path))
        assert str(caught.value).startswith(f"{tmp_path}/b.csv: line 171: ")
        assert said in str(caught.value)
        with pytest.raises(nn.DataFileError) as caught:
            fit(model, nn.open_table(tmp_path, target="bought"), epochs=1)
        assert f"{tmp_path}/b.csv: line 171" in str(caught.value)
    fit(values := network(nn.Identity(), 1), nn.open_table(tmp_path / "a.csv", target="income"), epochs=1)
    (tmp_path / "b.csv").write_text("\n".join([*good[:170], "30,Bern,1e300,no", *good[171:]]) + "\n")
    refuse(lambda: values.evaluate(nn.open_table(tmp_path)), f"{tmp_path}/b.csv: line 171: ", error=nn.DataFileError)


def test_a_row_of_parquet_is_named_by_file_and_number(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet")
    data = columns(300)
    pyarrow.parquet.write_table(pyarrow.table(data), tmp_path / "a.parquet")
    fit(model := network(), nn.open_table(tmp_path, target="bought"), epochs=1)
    data["income"][250] = np.inf
    pyarrow.parquet.write_table(pyarrow.table(data), tmp_path / "b.parquet")
    refuse(lambda: model.predict(nn.open_table(tmp_path)), f"{tmp_path}/b.parquet: row 250: column 'income'",
           error=nn.DataFileError)  # fmt: skip
    data["income"][250] = 40
    data["bought"] = data["bought"].astype(object)
    data["bought"][123] = "maybe"
    pyarrow.parquet.write_table(pyarrow.table(data), tmp_path / "b.parquet")
    refuse(lambda: model.evaluate(nn.open_table(tmp_path)), f"{tmp_path}/b.parquet: row 123: ", "'maybe'",
           error=nn.DataFileError)  # fmt: skip


def test_wrong_use_is_refused(folder, tmp_path):
    table = nn.open_table(folder, target="bought")
    refuse(lambda: network().fit(table, [1]), "y: a stored table has its own target")
    refuse(lambda: network().fit(nn.open_table(folder)), "y: ", "has no target")
    refuse(lambda: nn.open_table(folder, target="price"), "target: there is no column 'price'")
    refuse(lambda: nn.open_table(3), "source: expected a file")
    refuse(
        lambda: nn.open_table(folder, target="bought", kinds={"size": "numeric"}), "kinds: there is no column 'size'"
    )
    refuse(lambda: table.split(0), "fraction: expected a finite number above 0")
    np.save(tmp_path / "x.npy", np.ones((3, 3)))
    refuse(lambda: nn.open_table(tmp_path), f"{tmp_path}/x.npy: holds arrays", error=nn.DataFileError)
    model = nn.Model([nn.Dense(2), nn.Softmax()], n_features=3)
    refuse(lambda: model.predict(table), "X: ", "is a table, and the network was trained on arrays")
    fit(trained := network(), table, epochs=1)
    refuse(lambda: trained.predict(nn.open_data(np.zeros((5, 3)))), "X: expected a table with the columns")
    refuse(lambda: network(units=3).fit(table), "y: has 2 classes")


def test_a_table_that_has_grown_since_it_was_learned_is_refused(tmp_path):
    write_csv(tmp_path / "a.csv", columns(100))
    table = nn.open_table(tmp_path / "a.csv", target="bought")
    fit(network(), table, epochs=1)
    with open(tmp_path / "a.csv", "a", encoding="utf-8") as file:
        file.write("30,Bern,40.0,no\n")
    refuse(lambda: fit(network(), table), f"{tmp_path}/a.csv: has changed since it was opened; open it again",
           error=nn.DataFileError)  # fmt: skip


def test_another_process_leaves_the_temporary_numbers_to_the_one_that_wrote_them(monkeypatch):
    folders = [temporary.TemporaryFolder() for _ in range(2)]
    names = [folder.name for folder in folders]
    folders.pop()
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: -1)
        folders.pop()
    assert [os.path.isdir(name) for name in names] == [True, False]
    os.rmdir(names[0])


def test_a_wrong_cell_of_rows_that_are_held_out_says_nothing_of_the_others(tmp_path):
    data = columns(200)
    write_csv(tmp_path / "a.csv", data)
    held_out = nn.open_table(tmp_path / "a.csv").split(0.1)[1].shares[0].rows(0, 200)
    income = data["income"].astype(object)
    income[held_out.argmax()] = "much"
    write_csv(tmp_path / "a.csv", data | {"income": income})
    train, test = nn.open_table(tmp_path / "a.csv", target="bought").split(0.1)
    model = network()
    refuse(lambda: fit(model, train), f"{tmp_path}/a.csv: line", "got 'much'", error=nn.DataFileError)
    write_csv(tmp_path / "b.csv", data)
    fit(model, nn.open_table(tmp_path / "b.csv", target="bought"))
    assert model.predict(train).shape == (np.count_nonzero(~held_out),)
    refuse(lambda: model.predict(test), f"{tmp_path}/a.csv: line", "got 'much'", error=nn.DataFileError)
