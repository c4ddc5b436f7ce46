"""The quickstart's two models beside scikit-learn's, on the very same rows, in one run.

Both sides are computed here: ours through the kernel as the notebook has it, scikit-learn's from the parts that %save
writes. SageMaker's algorithm is stochastic and picks by a validation set, so it may be a little worse, but only a little.
"""

import re

import numpy
import polars
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PARTS = ("train", "valid", "test")
CELLS = ("bucket", "load", "clean", "split", "recipe", "train-age", "train-old")


@pytest.fixture(scope="module")
def trained(kernel, quickstart):
    """The notebook's cells up to both models, and their scores on the test rows."""
    for name in CELLS:
        kernel.ok(quickstart[name], timeout=240)
    kernel.ok("%predict age test -o guess_age\n%predict old test -o guess_old")
    for name in (*PARTS, "guess_age", "guess_old"):
        kernel.ok(f"%save {name} {name}.csv")
    return {name: polars.read_csv(kernel.folder / f"{name}.csv") for name in (*PARTS, "guess_age", "guess_old")}


def inputs(frame):
    return frame.drop("rings").to_pandas()


def peer(model):
    """scikit-learn's model behind the same preparation: sex as indicators, the rest as it is, on one scale."""
    columns = make_column_transformer((OneHotEncoder(), ["sex"]), remainder=StandardScaler())
    return make_pipeline(columns, model)


def test_the_parts_are_the_table(trained):
    assert [trained[name].height for name in PARTS] == [2921, 626, 626]
    whole = polars.concat([trained[name] for name in PARTS])
    assert whole.height == 4173 and whole["height"].min() > 0 and whole["height"].max() < 0.5
    assert trained["guess_age"].drop("score", "predicted_label", strict=False).equals(trained["test"])


def test_regressor(trained):
    test, truth = trained["test"], trained["test"]["rings"]
    theirs = peer(LinearRegression()).fit(inputs(trained["train"]), trained["train"]["rings"]).predict(inputs(test))
    expected = mean_squared_error(truth, theirs) ** 0.5
    ours = mean_squared_error(truth, trained["guess_age"]["score"]) ** 0.5
    print(f"test rmse: {ours:.4f}, scikit-learn {expected:.4f}, ratio {ours / expected:.4f}")
    assert ours <= 1.02 * expected


def test_classifier(trained):
    test, truth = trained["test"], trained["test"]["rings"] >= 11
    model = peer(LogisticRegression(max_iter=10_000)).fit(inputs(trained["train"]), trained["train"]["rings"] >= 11)
    expected = log_loss(truth, model.predict_proba(inputs(test))[:, 1])
    score = trained["guess_old"]["score"].to_numpy()
    assert ((score > 0) & (score < 1)).all()
    ours = log_loss(truth, score.astype(numpy.float64))
    print(f"test log-loss: {ours:.4f}, scikit-learn {expected:.4f}, ratio {ours / expected:.4f}")
    assert ours <= 1.03 * expected


def test_what_evaluate_says_is_so(kernel, trained):
    """The score that a person reads is the one that the test rows give."""
    text = kernel.ok("%evaluate age test").text
    ours = mean_squared_error(trained["test"]["rings"], trained["guess_age"]["score"]) ** 0.5
    said = float(re.search(r"rmse ([0-9.]+)", text)[1])
    assert abs(said - ours) <= 0.005, text
