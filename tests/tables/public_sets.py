"""Twenty public data sets as people have them, rebuilt from a seed: the same separators and mess, and no copied rows.

``SETS[name](rng, n)`` returns a `PublicSet`: the clean columns (for other libraries), the target, and the text of a
file that holds some of the rows as the original file would.
"""

import csv
import io
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np


class PublicSet(NamedTuple):
    """A data set: clean columns, the target as labels or values, and how a file with some rows is written."""

    columns: dict[str, Any]
    target: Any
    write: Callable[..., bytes]  # (rows, with_target=True) -> the content of a file
    target_column: Any  # as `read_table` gets it
    options: Any = MappingProxyType({})  # what a user must say, since the file does not
    values: bool = False


def noisy(rng, score, sharpness=2.0):
    """True with the probability that a score, standardized, gives."""
    z = (score - score.mean()) / score.std()
    return rng.random(len(z)) < 1 / (1 + np.exp(-sharpness * 2 * z))


def text_of(columns, header, *, delimiter=",", quoting=csv.QUOTE_MINIMAL, terminator="\n", names=None):
    """A file of these columns of text."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=terminator)
    if header:
        writer.writerow(names or list(columns))
    writer.writerows(zip(*columns.values(), strict=True))
    return out.getvalue()


def written(columns, target_name, target, **options):
    """The function that writes some rows; the target is the last column."""
    header = options.pop("header", True)
    encoding = options.pop("encoding", "utf-8")
    finish = options.pop("finish", lambda text: text)

    def write(rows, with_target=True):
        shown = {name: [cell(column[i]) for i in rows] for name, column in columns.items()}
        if with_target:
            shown[target_name] = [cell(target[i]) for i in rows]
        return finish(text_of(shown, header, **options)).encode(encoding)

    return write


def cell(value):
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{value:g}"
    return str(value)


def holes(rng, column, mark, share=0.05):
    """A column in which some cells are missing, and that column as written."""
    missing = rng.random(len(column)) < share
    return [mark if gone else cell(value) for gone, value in zip(missing, column, strict=True)], missing


def adult(rng, n):
    age, hours = rng.integers(17, 90, n), rng.integers(10, 80, n)
    education = rng.choice(
        ["HS-grad", "Some-college", "Bachelors", "Masters", "Preschool"], n, p=[0.4, 0.3, 0.2, 0.09, 0.01]
    )
    work = rng.choice(["Private", "Self-emp-inc", "Federal-gov"], n, p=[0.8, 0.1, 0.1])
    gain = np.where(rng.random(n) < 0.08, rng.integers(1000, 99999, n), 0)
    weight = rng.integers(12285, 1484705, n)
    degree = np.isin(education, ["Bachelors", "Masters"])
    rich = noisy(rng, age / 20 + hours / 15 + 2.5 * degree + 3 * (gain > 0))
    columns = {
        "age": age,
        "workclass": work,
        "fnlwgt": weight,
        "education": education,
        "capital-gain": gain,
        "hours": hours,
    }
    shown = dict(columns, workclass=holes(rng, work, "?")[0])
    target = np.where(rich, ">50K", "<=50K")
    write = written(shown, "income", target, header=False, finish=lambda text: text.replace(",", ", "))
    return PublicSet(columns, target, write, -1)


def abalone(rng, n):
    sex, length = rng.choice(["M", "F", "I"], n), rng.uniform(0.1, 0.8, n).round(3)
    weight = (length**3 * 4 * rng.normal(1, 0.1, n)).round(4)
    rings = np.clip(rng.poisson(4 + 12 * length**1.5 - 2 * (sex == "I")), 1, 29)
    columns = {"sex": sex, "length": length, "weight": weight}
    return PublicSet(
        columns, rings, written(columns, "rings", rings, header=False), -1, {"classification": False}, True
    )


def auto_mpg(rng, n):
    cylinders, year = rng.choice([4, 6, 8], n, p=[0.5, 0.25, 0.25]), rng.integers(70, 83, n)
    horsepower = (cylinders * 20 + rng.normal(10, 15, n)).round(1)
    weight = (cylinders * 500 + rng.normal(700, 200, n)).round()
    mpg = (46 - weight / 150 + 0.7 * (year - 76) + rng.normal(0, 1.5, n)).round(1)
    name = [f"maker{i % 40} model {i}" for i in range(n)]
    columns = {"cylinders": cylinders, "horsepower": horsepower, "weight": weight, "year": year}
    power, _ = holes(rng, horsepower, "?")

    def write(rows, with_target=True):
        def line(i):
            mpg_cell = f"{mpg[i]:<7.1f}" if with_target else ""
            return f'{mpg_cell}{cylinders[i]}   {power[i]:<10} {weight[i]:.0f}.     {year[i]}\t"{name[i]}"\n'

        return "".join(map(line, rows)).encode()

    return PublicSet(columns, mpg, write, 0, {}, True)


def credit_approval(rng, n):
    a1, a9 = rng.choice(["a", "b"], n), rng.choice(["t", "f"], n)
    a2, a15 = rng.uniform(15, 70, n).round(2), np.where(rng.random(n) < 0.5, 0, rng.integers(1, 5000, n))
    a6 = rng.choice(list("cqwimxk"), n)
    approved = noisy(rng, 3 * (a9 == "t") + a2 / 40 + np.isin(a6, ["x", "q"]) + (a15 > 500))
    columns = {"A1": a1, "A2": a2, "A6": a6, "A9": a9, "A15": a15}
    shown = dict(columns, A1=holes(rng, a1, "?")[0], A2=holes(rng, a2, "?")[0])
    target = np.where(approved, "+", "-")
    return PublicSet(columns, target, written(shown, "A16", target, header=False), -1)


def air_quality(rng, n):
    start = np.datetime64("2004-03-10T00")
    hours = start + np.sort(rng.choice(6000, n, replace=False)).astype("timedelta64[h]")
    hour = hours.astype(int) % 24
    co = (1 + 0.8 * np.sin(hour / 24 * 2 * np.pi) + rng.gamma(2, 0.3, n)).round(1)
    temperature = (15 + 8 * np.sin(hour / 24 * 2 * np.pi) + rng.normal(0, 2, n)).round(1)
    target = (600 + 200 * co - 5 * temperature + rng.normal(0, 25, n)).round()
    columns = {"hour": hour, "CO(GT)": co, "T": temperature}
    dates = [f"{str(h)[8:10]}/{str(h)[5:7]}/{str(h)[:4]}" for h in hours]
    times = [f"{str(h)[11:13]}.00.00" for h in hours]
    co_shown, _ = holes(rng, [f"{value}".replace(".", ",") for value in co], "-200")
    shown = {
        "Date": dates,
        "Time": times,
        "CO(GT)": co_shown,
        "T": [f"{value}".replace(".", ",") for value in temperature],
    }

    def write(rows, with_target=True):
        names = [*shown, "PT08.S1(CO)"] if with_target else list(shown)
        lines = [";".join([*names, "", ""])]
        lines += [
            ";".join([*(column[i] for column in shown.values()), *[cell(target[i])] * with_target, "", ""])
            for i in rows
        ]
        return "\r\n".join(
            [*lines, ";" * len(lines[0].split(";")[1:]), ";" * len(lines[0].split(";")[1:]), ""]
        ).encode()

    options = {"missing": ["-200"], "classification": False}
    return PublicSet(columns, target, write, "PT08.S1(CO)", options, True)


def bank_marketing(rng, n):
    age, duration = rng.integers(18, 90, n), rng.integers(5, 2000, n)
    job = rng.choice(["admin.", "blue-collar", "student", "retired", "unknown"], n)
    housing, pdays = rng.choice(["yes", "no"], n), np.where(rng.random(n) < 0.9, 999, rng.integers(1, 20, n))
    euribor = rng.choice([4.857, 1.313, 0.72], n)
    yes = noisy(rng, duration / 300 + 1.5 * (pdays < 999) + np.isin(job, ["student", "retired"]) - euribor / 2)
    columns = {"age": age, "job": job, "housing": housing, "duration": duration, "pdays": pdays, "euribor3m": euribor}
    target = np.where(yes, "yes", "no")
    write = written(columns, "y", target, delimiter=";", quoting=csv.QUOTE_NONNUMERIC)
    return PublicSet(columns, target, write, "y")


def wine_quality(rng, n):
    alcohol, acidity, sulphates = (
        rng.uniform(8, 14, n).round(1),
        rng.uniform(0.1, 1.2, n).round(2),
        rng.uniform(0.3, 1, n).round(2),
    )
    score = (alcohol - 11) / 1.5 - 2 * (acidity - 0.6) + 2 * (sulphates - 0.6) + rng.normal(0, 0.3, n)
    quality = np.digitize(score, [-1.2, -0.2, 0.8]) + 4
    columns = {"volatile acidity": acidity, "sulphates": sulphates, "alcohol": alcohol}
    write = written(columns, "quality", quality, delimiter=";", names=None, quoting=csv.QUOTE_NONNUMERIC)
    return PublicSet(columns, quality, write, "quality")


def titanic(rng, n):
    sex, pclass = rng.choice(["male", "female"], n, p=[0.65, 0.35]), rng.choice([1, 2, 3], n, p=[0.25, 0.2, 0.55])
    age, fare = rng.uniform(0.5, 75, n).round(1), (100 / pclass * rng.gamma(2, 0.5, n)).round(4)
    survived = noisy(rng, 3 * (sex == "female") - pclass - age / 30).astype(int)
    columns = {"Pclass": pclass, "Sex": sex, "Age": age, "Fare": fare}
    ages, gone = holes(rng, age, "", 0.2)
    columns["Age"] = np.where(gone, np.nan, age)
    shown = {
        "PassengerId": np.arange(1, n + 1),
        "Pclass": pclass,
        "Name": [f'Name{i}, {"Mr." if s == "male" else "Mrs."} "John" {i}' for i, s in enumerate(sex)],
        "Sex": sex,
        "Age": ages,
        "Ticket": [f"A/5 {21000 + 7 * i}" for i in range(n)],
        "Fare": fare,
        "Cabin": ["" if rng.random() < 0.77 else f"C{rng.integers(1, 130)}" for _ in range(n)],
        "Embarked": holes(rng, rng.choice(["S", "C", "Q"], n, p=[0.7, 0.2, 0.1]), "", 0.01)[0],
    }
    return PublicSet(columns, survived, written(shown, "Survived", survived), "Survived")


def breast_cancer(rng, n):
    malignant = rng.random(n) < 0.35
    columns = {f"c{k}": np.clip(rng.poisson(np.where(malignant, 6, 1.5)) + 1, 1, 10) for k in range(6)}
    shown = {"id": rng.permutation(n) * 7 + 1_000_025, **columns, "c5": holes(rng, columns["c5"], "?")[0]}
    target = np.where(malignant, 4, 2)
    return PublicSet(columns, target, written(shown, "class", target, header=False), -1)


def heart_disease(rng, n):
    age, sex = rng.integers(29, 78, n).astype(float), rng.integers(0, 2, n).astype(float)
    cp, oldpeak = rng.integers(1, 5, n).astype(float), rng.gamma(1, 1, n).round(1)
    thal, ca = rng.choice([3.0, 6.0, 7.0], n), rng.integers(0, 4, n).astype(float)
    sick = noisy(rng, (cp == 4) * 2 + oldpeak + ca + (thal == 7) + sex + age / 40)
    columns = {"age": age, "sex": sex, "cp": cp, "oldpeak": oldpeak, "ca": ca, "thal": thal}
    shown = {name: [f"{value:.1f}" for value in column] for name, column in columns.items()}
    shown["ca"], shown["thal"] = holes(rng, shown["ca"], "?", 0.02)[0], holes(rng, shown["thal"], "?", 0.02)[0]
    target = sick.astype(int)
    return PublicSet(columns, target, written(shown, "num", target, header=False), -1)


def forest_fires(rng, n):
    month, day = rng.choice(["mar", "aug", "sep", "dec"], n), rng.choice(["mon", "wed", "fri", "sun"], n)
    temperature, wind = rng.uniform(2, 34, n).round(1), rng.uniform(0.4, 9.4, n).round(1)
    area = np.exp(temperature / 12 + wind / 6 + (month == "aug") + rng.normal(0, 0.3, n)).round(2)
    columns = {"month": month, "day": day, "temp": temperature, "wind": wind}
    return PublicSet(columns, area, written(columns, "area", area), "area", {}, True)


def student_performance(rng, n):
    school, failures = rng.choice(["GP", "MS"], n), rng.integers(0, 4, n)
    g1 = rng.integers(3, 20, n)
    internet, romantic = rng.choice(["yes", "no"], n), rng.choice(["yes", "no"], n)
    g3 = np.clip(g1 - failures + rng.normal(0, 1, n) + (internet == "yes"), 0, 20).round().astype(int)
    columns = {"school": school, "failures": failures, "internet": internet, "romantic": romantic, "G1": g1}
    write = written(columns, "G3", g3, delimiter=";", quoting=csv.QUOTE_NONNUMERIC)
    return PublicSet(columns, g3, write, "G3", {"classification": False}, True)


def german_credit(rng, n):
    status, purpose = rng.choice(["A11", "A12", "A13", "A14"], n), rng.choice(["A40", "A41", "A43", "A410"], n)
    months, amount = rng.integers(4, 72, n), rng.integers(250, 18000, n)
    bad = noisy(rng, months / 20 + amount / 8000 + 1.5 * (status == "A11") - 1.5 * (status == "A14"))
    columns = {"status": status, "months": months, "purpose": purpose, "amount": amount}
    target = np.where(bad, 2, 1)
    return PublicSet(columns, target, written(columns, "class", target, header=False, delimiter=" "), -1)


def horse_colic(rng, n):
    temperature, pulse = rng.normal(38.2, 0.7, n).round(1), rng.integers(30, 180, n)
    surgery, pain = rng.integers(1, 3, n), rng.integers(1, 6, n)
    lived = ~noisy(rng, pulse / 30 + pain + (surgery == 1))
    columns = {"surgery": surgery, "temperature": temperature, "pulse": pulse, "pain": pain}
    shown = {name: holes(rng, column, "?", 0.1)[0] for name, column in columns.items()}
    target = np.where(lived, 1, 2)
    write = written(
        shown, "outcome", target, header=False, delimiter=" ", finish=lambda text: text.replace("\n", " \n")
    )
    return PublicSet(columns, target, write, -1)


def mushroom(rng, n):
    odor, cap = rng.choice(list("nfyas"), n), rng.choice(list("xfkb"), n)
    root = rng.choice(list("bce?"), n)
    bruises = rng.choice(["t", "f"], n)
    poisonous = np.isin(odor, ["f", "y"]) | ((odor == "s") & (bruises == "f"))
    columns = {"cap": cap, "bruises": bruises, "odor": odor, "root": root}
    target = np.where(poisonous, "p", "e")
    return PublicSet(columns, target, written(columns, "class", target), "class")


def car_evaluation(rng, n):
    buying, doors = rng.choice(["vhigh", "high", "med", "low"], n), rng.choice(["2", "3", "4", "5more"], n)
    persons, safety = rng.choice(["2", "4", "more"], n), rng.choice(["low", "med", "high"], n)
    good = (persons != "2") & (safety != "low")
    best = good & (safety == "high") & np.isin(buying, ["low", "med"])
    target = np.where(best, "vgood", np.where(good, "acc", "unacc"))
    columns = {"buying": buying, "doors": doors, "persons": persons, "safety": safety}
    return PublicSet(columns, target, written(columns, "class", target, header=False), -1)


def house_prices(rng, n):
    area, year = rng.integers(300, 4000, n), rng.integers(1880, 2011, n)
    quality = rng.choice(["Ex", "Gd", "TA", "Fa"], n, p=[0.1, 0.3, 0.5, 0.1])
    alley, frontage = rng.choice(["NA", "Grvl", "Pave"], n, p=[0.9, 0.05, 0.05]), rng.integers(21, 200, n)
    level = np.array([{"Ex": 3, "Gd": 2, "TA": 1, "Fa": 0}[q] for q in quality])
    price = ((area * 50 + (year - 1880) * 400 + level * 30_000 + 20_000) * rng.normal(1, 0.06, n)).round(-2).astype(int)
    columns = {"LotFrontage": frontage, "YearBuilt": year, "KitchenQual": quality, "Alley": alley, "GrLivArea": area}
    shown = {
        "Id": np.arange(1, n + 1),
        **columns,
        "LotFrontage": holes(rng, frontage, "NA", 0.17)[0],
        "Street": ["Pave"] * n,
    }
    return PublicSet(columns, price, written(shown, "SalePrice", price), "SalePrice", {"classification": False}, True)


def king_county(rng, n):
    days = np.datetime64("2014-05-02") + rng.integers(0, 390, n)
    area, grade = rng.integers(400, 6000, n), rng.integers(4, 13, n)
    waterfront, code = rng.choice([0, 1], n, p=[0.95, 0.05]), rng.choice([98001, 98103, 98115, 98199], n)
    price = (area * 150 + grade * 30_000 + 300_000 * waterfront + 100_000 * (code > 98100)) * rng.normal(1, 0.08, n)
    columns = {"area": area, "grade": grade, "waterfront": waterfront, "zipcode": code}
    shown = {
        "id": rng.permutation(n) + 7129300520,
        "date": [str(day).replace("-", "") + "T000000" for day in days],
        **columns,
    }
    target = [f"${value:,.0f}" for value in price]
    return PublicSet(
        columns, price.round(), written(shown, "price", target), "price", {"kinds": {"zipcode": "category"}}, True
    )


def bike_sharing(rng, n):
    days = np.datetime64("2011-01-01") + np.arange(n)
    season, temperature = (
        (np.arange(n) // 91) % 4 + 1,
        (0.5 + 0.3 * np.sin(np.arange(n) / 58) + rng.normal(0, 0.05, n)).round(6),
    )
    weather = rng.choice([1, 2, 3], n, p=[0.6, 0.3, 0.1])
    count = np.clip(
        1000 + 6000 * temperature - 900 * (weather - 1) + 3 * np.arange(n) + rng.normal(0, 250, n), 20, None
    ).round()
    columns = {"day": np.arange(n), "season": season, "weathersit": weather, "temp": temperature}
    shown = {
        "instant": np.arange(1, n + 1),
        "dteday": days,
        "season": season,
        "weathersit": weather,
        "temp": temperature,
    }
    target = count.astype(int)
    return PublicSet(columns, target, written(shown, "cnt", target), "cnt", {"classification": False}, True)


def online_shoppers(rng, n):
    value, exits = np.where(rng.random(n) < 0.7, 0, rng.gamma(2, 15, n)).round(3), rng.uniform(0, 0.2, n).round(9)
    month, visitor = rng.choice(["Feb", "May", "Nov", "June"], n), rng.choice(["Returning_Visitor", "New_Visitor"], n)
    weekend = rng.choice(["TRUE", "FALSE"], n)
    bought = noisy(rng, 3 * (value > 0) + (month == "Nov") - 15 * exits)
    columns = {"PageValues": value, "ExitRates": exits, "Month": month, "VisitorType": visitor, "Weekend": weekend}
    target = np.where(bought, "TRUE", "FALSE")
    return PublicSet(columns, target, written(columns, "Revenue", target), "Revenue")


def seoul_bikes(rng, n):
    hour, temperature = rng.integers(0, 24, n), rng.normal(12, 11, n).round(1)
    season, holiday = (
        rng.choice(["Winter", "Spring", "Summer", "Autumn"], n),
        rng.choice(["No Holiday", "Holiday"], n, p=[0.95, 0.05]),
    )
    count = np.clip(
        300 + 25 * temperature + 40 * hour - 250 * (holiday == "Holiday") + rng.normal(0, 60, n), 0, None
    ).round()
    days = np.datetime64("2017-12-01") + rng.integers(0, 365, n)
    columns = {"hour": hour, "temperature": temperature, "season": season, "holiday": holiday}
    shown = {
        "Date": [f"{str(day)[8:10]}/{str(day)[5:7]}/{str(day)[:4]}" for day in days],
        "Hour": hour,
        "Temperature(°C)": temperature,
        "Seasons": season,
        "Holiday": holiday,
        "Rented Bike Count": count.astype(int),
    }
    target = count.astype(int)
    del shown["Rented Bike Count"]
    write = written(shown, "Rented Bike Count", target, encoding="cp1252")
    options = {"encoding": "cp1252", "classification": False, "dates": "dmy"}
    return PublicSet(columns, target, write, "Rented Bike Count", options, True)


SETS: dict[str, Callable[[Any, int], PublicSet]] = {
    make.__name__: make
    for make in (
        adult, abalone, auto_mpg, credit_approval, air_quality, bank_marketing, wine_quality, titanic, breast_cancer,
        heart_disease, forest_fires, student_performance, german_credit, horse_colic, mushroom, car_evaluation,
        house_prices, king_county, bike_sharing, online_shoppers, seoul_bikes,
    )
}  # fmt: skip
