"""Which metrics are compressed: Brain-Score's own, exactly, and nothing that only looks like them."""

import re
import warnings
from pathlib import Path

import brainscore_vision
import numpy as np
import pytest
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark, RSABenchmark, TrainTestNeuralBenchmark
from brainscore_vision.metric_helpers.temporal import PerTimeRegression
from brainscore_vision.metric_helpers.xarray_utils import XarrayRegression
from brainscore_vision.metrics.rdm.metric import RDM, RDMSimilarity
from brainscore_vision.metrics.regression_correlation.metric import (
    ALPHA_LIST,
    CrossRegressedCorrelation,
    DualRidgeCVRegression,
    DualRidgeRegression,
    ScaledCrossRegressedCorrelation,
    SpanTimeCrossRegressedCorrelation,
    TrainTestSplitCorrelation,
    linear_regression,
    pearsonr_correlation,
    pls_regression,
    ridge_regression,
)
from made_benchmarks import neural_benchmark, responses_assembly, stimulus_set, train_test_benchmark
from sklearn.cross_decomposition import PLSCanonical, PLSRegression
from sklearn.linear_model import Lasso, Ridge, RidgeCV

from vonenet_brainscore.benchmarks.compressible_metrics import METRICS
from vonenet_brainscore.benchmarks.recognition import compressible, warn_if_ill_posed

# What some metrics can't be built without.
ARGUMENTS = {
    "baker_accuracy_delta": {"image_types": []},
    "factor_dimensionality": {"factor": ""},
    "ks_similarity": {"property_name": ""},
    "property_ceiling": {"similarity_metric": None},
    "threshold": {"independent_variable": ""},
    "threshold_elevation": {"independent_variable": "", "baseline_condition": "", "test_condition": ""},
}
TRAIN = responses_assembly(stimulus_set("train", 60), np.zeros((60, 4)))
TEST = responses_assembly(stimulus_set("test", 20), np.zeros((20, 4)))


@pytest.fixture(autouse=True)
def _no_cache_and_no_installation(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")


def cross_regressed(regression, **kwargs):
    return CrossRegressedCorrelation(regression, pearsonr_correlation(), **kwargs)


def with_regression(estimator):
    return neural_benchmark(cross_regressed(XarrayRegression(estimator)), TRAIN)


def test_the_table_holds_every_registered_metric():
    folder = Path(brainscore_vision.__file__).parent / "metrics"
    sources = [path.read_text() for path in folder.glob("*/__init__.py")]
    registered = {name for text in sources for name in re.findall(r"^metric_registry\[['\"](\w+)", text, re.MULTILINE)}
    assert registered == METRICS.keys()


@pytest.mark.parametrize("name", METRICS)
def test_registered_metrics(name):
    metric = load_metric(name, **ARGUMENTS.get(name, {}))
    train_test = name.endswith("_split")
    benchmark = train_test_benchmark(metric, TRAIN, TEST) if train_test else neural_benchmark(metric, TRAIN)
    recognition = compressible(benchmark)
    assert bool(recognition) is METRICS[name].compressible, recognition.reason
    assert recognition.geometry == ("correlations" if name.startswith("rdm") else "inner products")


@pytest.mark.parametrize(
    ("estimator", "exact", "reason"),
    [
        (PLSRegression(25, scale=False), True, ""),
        (PLSRegression(25, scale=True), False, "scales each feature"),
        (PLSRegression(53, scale=False), True, ""),  # ten splits of 60 stimuli train on 54
        (PLSRegression(54, scale=False), False, "54 components to 54 stimuli"),
        (PLSCanonical(2, scale=False), False, "PLSCanonical isn't known"),
        (Ridge(1), True, ""),
        (Ridge([1.0, 2.0, 0.5, 1.0]), True, ""),
        (Ridge(1, solver="svd"), True, ""),
        (Ridge(1, fit_intercept=False), False, "no intercept"),
        (Ridge(1, positive=True), False, "depends on the axes"),
        (Ridge(1, solver="sag"), False, "depends on the axes"),
        (Ridge(0), False, "least squares"),
        (Lasso(), False, "Lasso isn't known"),
        (RidgeCV(ALPHA_LIST), True, ""),
        (RidgeCV(ALPHA_LIST, fit_intercept=False), False, "no intercept"),
        (RidgeCV(ALPHA_LIST, cv=3), False, "custom procedure"),
        (RidgeCV(ALPHA_LIST, scoring="r2"), False, "custom procedure"),
        (DualRidgeRegression(1), True, ""),
        (DualRidgeRegression(0), False, "least squares"),
        (DualRidgeCVRegression(ALPHA_LIST), True, ""),
        (DualRidgeCVRegression(), False, "without a positive penalty"),
        (DualRidgeCVRegression(ALPHA_LIST, scoring="r2"), False, "custom procedure"),
        (type("MyRidge", (Ridge,), {})(1), False, "MyRidge isn't known"),
    ],
    # Some print their address, which the tests' workers must agree on.
    ids=lambda value: repr(value) if isinstance(value, bool | str) else type(value).__name__,
)
def test_regressions(estimator, exact, reason):
    recognition = compressible(with_regression(estimator))
    assert recognition.exact is exact
    assert reason in recognition.reason


def test_own_calls_are_not_recognised():
    def own_call(self, candidate):
        return NeuralBenchmark.__call__(self, candidate)

    plain, own = type("Plain", (NeuralBenchmark,), {}), type("Own", (NeuralBenchmark,), {"__call__": own_call})
    metric = load_metric("pls")
    assert compressible(neural_benchmark(metric, TRAIN, plain))
    assert "Own runs its experiment in its own way" in compressible(neural_benchmark(metric, TRAIN, own)).reason
    own_score = type("Own", (TrainTestNeuralBenchmark,), {"get_score": lambda *_: None})
    split = load_metric("pls_split")
    assert "compares recordings" in compressible(train_test_benchmark(split, TRAIN, TEST, own_score)).reason
    rsa, own = rsa_benchmark(), rsa_benchmark(type("OwnRSA", (RSABenchmark,), {"__call__": own_call}))
    assert compressible(rsa) and "OwnRSA runs its experiment" in compressible(own).reason


def rsa_benchmark(kind=RSABenchmark, **changes):
    return kind("rsa", 1, TRAIN, "IT", 8, 1, "", ceiler=lambda _: 1, **changes)


def test_other_dissimilarities_splits_and_geometries_are_not_recognised():
    mine = type("MyRDM", (RDM,), {})()
    assert "compares dissimilarities by MyRDM and RDMSimilarity" in compressible(rsa_benchmark(rdm=mine)).reason
    mine = type("MySimilarity", (RDMSimilarity,), {})()
    assert "by RDM and MySimilarity" in compressible(rsa_benchmark(similarity=mine)).reason
    metric = load_metric("rdm")
    metric._rdm = lambda assembly: assembly
    assert not compressible(neural_benchmark(metric, TRAIN))
    for name in ("rdm_cv", "cka_cv"):
        metric = load_metric(name, crossvalidation_kwargs={"preprocess_indices": lambda *a: a[:2]})
        assert "a variant of" in compressible(neural_benchmark(metric, TRAIN)).reason
        metric = load_metric(name)
        metric._cross_validation = type("MySplits", (type(metric._cross_validation),), {})()
        assert "MySplits" in compressible(neural_benchmark(metric, TRAIN)).reason
    for name in ("rdm", "cka", "rdm_cv", "cka_cv"):
        mine = type(f"My{name}", (type(load_metric(name)),), {})()
        assert f"its metric is My{name}" in compressible(neural_benchmark(mine, TRAIN)).reason


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("linear_predictivity", "LinearRegression isn't known"),
        ("neuron_to_neuron", "SingleRegression isn't known"),
        ("mask_regression", "MaskRegression isn't known"),
        ("reverse_pls", "its metric is ReverseCrossRegressedCorrelation"),
        ("ost", "its metric is OSTCorrelation"),
    ],
)
def test_reasons(name, reason):
    assert compressible(neural_benchmark(load_metric(name), TRAIN)).reason.startswith(reason)


def test_a_metric_must_suit_its_benchmark():
    assert not compressible(neural_benchmark(load_metric("pls_split"), TRAIN))
    assert not compressible(train_test_benchmark(load_metric("pls"), TRAIN, TEST))


def test_subclasses_and_wrappers_are_not_recognised():
    kind = type("Mine", (CrossRegressedCorrelation,), {})
    assert not compressible(neural_benchmark(kind(pls_regression(), pearsonr_correlation()), TRAIN))
    kind = type("Mine", (TrainTestSplitCorrelation,), {})
    assert not compressible(train_test_benchmark(kind(ridge_regression(), pearsonr_correlation()), TRAIN, TEST))
    scaled = ScaledCrossRegressedCorrelation(pls_regression(), pearsonr_correlation())
    assert not compressible(neural_benchmark(scaled, TRAIN))
    mine = type("Mine", (XarrayRegression,), {})(PLSRegression(25, scale=False))
    assert not compressible(neural_benchmark(cross_regressed(mine), TRAIN))


def test_splits_that_look_at_the_recording_are_not_recognised():
    metric = cross_regressed(pls_regression(), crossvalidation_kwargs={"preprocess_indices": lambda *a: a[:2]})
    assert "its splits depend on the recording" in compressible(neural_benchmark(metric, TRAIN)).reason
    metric = cross_regressed(pls_regression())
    metric.cross_validation = type("MySplits", (type(metric.cross_validation),), {})()
    assert "MySplits" in compressible(neural_benchmark(metric, TRAIN)).reason


def test_several_time_bins_are_recognised_where_one_regression_is_fitted_to_all():
    two_bins = responses_assembly(TRAIN.attrs["stimulus_set"], np.zeros((60, 4)), [(50, 100), (100, 150)])
    for name in ("pls", "rdm", "cka_cv"):
        assert "2 time bins" in compressible(neural_benchmark(load_metric(name), two_bins)).reason
    for name, regression in (("spantime_pls", "PLSRegression"), ("spantime_ridge", "Ridge")):
        recognised = compressible(neural_benchmark(load_metric(name), two_bins))
        assert recognised and recognised.reason.startswith(regression)
    scaled = SpanTimeCrossRegressedCorrelation(XarrayRegression(PLSRegression(5)), pearsonr_correlation())
    assert "PLS scales each feature" in compressible(neural_benchmark(scaled, two_bins)).reason
    each_its_own = cross_regressed(PerTimeRegression(pls_regression()))
    assert "wrapped by PerTimeRegression" in compressible(neural_benchmark(each_its_own, two_bins)).reason


def test_asking_leaves_the_splits_as_they_were():
    def splits(ask):
        generator = np.random.RandomState(3)
        metric = cross_regressed(pls_regression(), crossvalidation_kwargs={"random_state": generator})
        if ask:
            assert compressible(neural_benchmark(metric, TRAIN))
        return [list(test) for _, test in metric.cross_validation._split.build_splits(TRAIN)[1]]

    assert splits(ask=True) == splits(ask=False)


def test_least_squares_is_called_ill_posed_where_features_reach_the_training_stimuli():
    benchmark = neural_benchmark(cross_regressed(linear_regression()), TRAIN)
    with pytest.warns(UserWarning, match=r"made\.IT-metric fits ordinary least squares to 54 stimuli and 54 features"):
        warn_if_ill_posed(benchmark, 54)
    split = TrainTestSplitCorrelation(linear_regression(), pearsonr_correlation())
    with pytest.warns(UserWarning, match="60 stimuli and 1000 features"):
        warn_if_ill_posed(train_test_benchmark(split, TRAIN, TEST), 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_ill_posed(benchmark, 53)
        warn_if_ill_posed(neural_benchmark(load_metric("pls"), TRAIN), 1000)
        warn_if_ill_posed(neural_benchmark(load_metric("rdm"), TRAIN), 1000)
