"""Recipes beside scikit-learn's transformers: the same steps on the same rows, on abalone and on a frame with nulls.

Each recipe is fitted by %train on its training rows, as it always is, and `%prep MODEL --apply` gives the rows as the
model sees them. scikit-learn's own default for quantile bins has changed with its versions, so it is named.
"""

import numpy
import polars
import pytest
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)

NUMBERS = ["length", "height", "shell_weight"]


@pytest.fixture(scope="module")
def frames(kernel):
    """Abalone, and the same with nulls, as the kernel holds them."""
    kernel.ok("%load data/abalone.csv -o abalone")
    kernel.ok(
        "%%sql -o gaps\nSELECT sex, CASE WHEN rings % 7 = 0 THEN NULL ELSE length END AS length, "
        "CASE WHEN rings % 5 = 0 THEN NULL ELSE height END AS height, shell_weight, rings FROM abalone"
    )
    kernel.ok("%save abalone abalone.parquet\n%save gaps gaps.parquet")
    return {name: polars.read_parquet(kernel.folder / f"{name}.parquet") for name in ("abalone", "gaps")}


def prepared(kernel, frame, steps, columns):
    """The columns that a recipe makes of a frame, by the model that fitted it."""
    fills = "" if "fill" in steps else "\nfill @numeric 0"
    kernel.ok(f"%%prep steps\nselect {' '.join(columns)}\n{steps}{fills}")
    kernel.ok(f"%train linear-learner {frame} --label rings --prep steps -o model epochs=1")
    kernel.ok(f"%prep model --apply {frame} -o seen\n%save seen seen.parquet")
    return polars.read_parquet(kernel.folder / "seen.parquet").drop("rings").to_numpy().astype(float)


NUMERIC = [
    ("standardize @numeric", StandardScaler()),
    ("minmax @numeric", MinMaxScaler()),
    ("robust @numeric", RobustScaler()),
    ("fill @numeric mean", SimpleImputer(strategy="mean")),
    ("fill @numeric median", SimpleImputer(strategy="median")),
    ("fill @numeric mode", SimpleImputer(strategy="most_frequent")),
    ("fill @numeric 0.25", SimpleImputer(strategy="constant", fill_value=0.25)),
]


@pytest.mark.parametrize("name", ["abalone", "gaps"])
@pytest.mark.parametrize("steps, peer", NUMERIC, ids=[steps for steps, _ in NUMERIC])
def test_numbers(kernel, frames, name, steps, peer):
    expected = peer.fit_transform(frames[name].select(NUMBERS).to_numpy().astype(float))
    # A model takes no nulls: what scikit-learn leaves missing is 0 there.
    expected = numpy.nan_to_num(expected, nan=0.0)
    numpy.testing.assert_allclose(prepared(kernel, name, steps, NUMBERS), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("strategy, option", [("uniform", ""), ("quantile", " --quantile")])
def test_bins(kernel, frames, strategy, option):
    method = {"quantile_method": "linear"} if strategy == "quantile" else {}
    peer = KBinsDiscretizer(5, encode="ordinal", strategy=strategy, subsample=None, **method)
    expected = peer.fit_transform(frames["abalone"].select(NUMBERS).to_numpy())
    ours = prepared(kernel, "abalone", f"bin @numeric 5{option}", NUMBERS)
    # A value that lies on an edge may fall to either side of its last bit.
    assert (ours != expected).mean() < 0.001 and abs(ours - expected).max() <= 1


def test_categories(kernel, frames):
    sex = frames["abalone"].select("sex").to_numpy()
    one_hot = OneHotEncoder(sparse_output=False).fit_transform(sex)
    assert (prepared(kernel, "abalone", "one_hot sex", ["sex"]) == one_hot).all()
    ordinal = OrdinalEncoder().fit_transform(sex)
    assert (prepared(kernel, "abalone", "ordinal sex", ["sex"]) == ordinal).all()
    order = OrdinalEncoder(categories=[["I", "F", "M"]]).fit_transform(sex)
    assert (prepared(kernel, "abalone", "ordinal sex --order I,F,M", ["sex"]) == order).all()
