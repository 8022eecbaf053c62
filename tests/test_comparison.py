"""Models side by side: their differences, and paired intervals of them."""

import numpy as np
import pytest
from brainscore_core.metrics import Score
from brainscore_vision.metrics.regression_correlation.metric import (
    CrossRegressedCorrelation,
    pearsonr_correlation,
    ridge_regression,
)
from made_benchmarks import ArraySubject, neural_benchmark, responses_assembly, stimulus_set
from xarray import DataArray

from vonenet_brainscore import compare_models, score_difference, score_model

N = 60
STIMULI = stimulus_set("images", N)


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")


def benchmark(neurons):
    split = {"splits": 4, "stratification_coord": None}
    metric = CrossRegressedCorrelation(ridge_regression(), pearsonr_correlation(), split)
    return neural_benchmark(metric, responses_assembly(STIMULI, neurons))


def subject(features, identifier):
    made = ArraySubject(dict(zip(STIMULI["stimulus_id"], features, strict=True)))
    made.identifier = identifier
    return made


@pytest.fixture(scope="module")
def made():
    """Neurons that see ten features and noise; a model with those features, one with seven of them, one with noise."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(N, 10))
    neurons = features @ rng.normal(size=(10, 30)) + rng.normal(0, 2, (N, 30))
    models = {"all": features, "most": features[:, :7], "noise": rng.normal(size=(N, 10))}
    return {name: subject(each, name) for name, each in models.items()}, benchmark(neurons)


def test_scores_are_score_models_and_differences_theirs(made):
    models, each = made
    scores, differences = compare_models(models, each, progress=False)
    for name, model in models.items():
        assert scores.loc[name, "score"] == float(score_model(model, each, progress=False))
    assert [tuple(pair) for pair in differences[["first", "second"]].values] == [
        ("all", "most"),
        ("all", "noise"),
        ("most", "noise"),
    ]
    for _, row in differences.iterrows():
        assert row["difference"] == scores.loc[row["first"], "score"] - scores.loc[row["second"], "score"]
        assert row["low"] < row["difference"] < row["high"]
    assert (differences["low"][1:] > 0).all()  # both are plainly better than noise
    listed, _ = compare_models(list(models.values()), each, progress=False)
    assert list(listed.index) == list(models)


def test_an_interval_is_that_of_paired_draws(made):
    models, each = made
    first, second = (score_model(models[name], each, progress=False) for name in ("all", "most"))
    drawn = [score.attrs["bootstrap"] for score in (first, second)]
    one, two = (draw[0].values ** 2 / draw[1].values for draw in drawn)
    low, middle, high = np.quantile(one - two, (0.025, 0.5, 0.975))
    found = score_difference(first, second)
    assert found["low"] == pytest.approx(found["difference"] + low - middle)
    assert found["high"] == pytest.approx(found["difference"] + high - middle)
    unpaired = 1.96 * np.sqrt(one.var(ddof=1) + two.var(ddof=1))
    assert (high - low) / 2 < 0.8 * unpaired  # what an image or a neuron does to both cancels
    stretched = first.copy()
    stretched.attrs |= first.attrs | {"bootstrap": drawn[0].copy()}
    stretched.attrs["bootstrap"][1, 0] = 1e-9  # one ceiling near 0
    assert score_difference(stretched, second)["high"] == pytest.approx(found["high"], abs=0.01)
    assert score_difference(first, first) == {"difference": 0, "low": 0, "high": 0}


def test_scores_without_draws_have_a_difference_alone():
    first, second = Score(0.5), Score(0.25)
    found = score_difference(first, second)
    assert found["difference"] == 0.25 and np.isnan(found["low"]) and np.isnan(found["high"])
    first.attrs["bootstrap"] = DataArray(
        np.ones((2, 3)), dims=("figure", "draw"), coords={"figure": ["raw", "ceiling"]}
    )
    assert np.isnan(score_difference(first, second)["low"])


def test_refusals(made):
    models, each = made
    first, second = Score(0.5), Score(0.25)
    first.attrs["seed"], second.attrs["seed"] = 0, 1
    with pytest.raises(ValueError, match="differ in seed, 0 and 1: nothing is paired"):
        score_difference(first, second)
    with pytest.raises(ValueError, match="two or more models, not 1"):
        compare_models({"all": models["all"]}, each)
    with pytest.raises(TypeError, match="models is a str"):
        compare_models("voneresnet50", each)
    with pytest.raises(ValueError, match="two models are called 'voneresnet50'"):
        compare_models(["voneresnet50", "voneresnet50"], each)
    for several in ("V1-properties-7", [each]):
        with pytest.raises(ValueError, match="compared on one benchmark, not on"):  # before any is scored
            compare_models(["voneresnet50", "vonealexnet"], several)
