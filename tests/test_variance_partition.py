"""What models explain beyond each other: ridge with a penalty for each, against himalaya and scikit-learn."""

import numpy as np
import pytest
from brainscore_vision import load_metric
from brainscore_vision.metrics.regression_correlation.metric import (
    CrossRegressedCorrelation,
    pearsonr_correlation,
    ridge_regression,
)
from made_benchmarks import ArraySubject, neural_benchmark, responses_assembly, stimulus_set, train_test_benchmark
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from vonenet_brainscore import get_model, partition_variance, simulated_benchmark
from vonenet_brainscore.benchmarks.multiple_kernels import PENALTIES, kernel_weights, multiple_kernel_ridge

N, NEURONS = 60, 6
STIMULI = stimulus_set("images", N)


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")


@pytest.fixture(scope="module")
def made():
    """Three feature spaces, and neurons of the first, of the second, of both."""
    rng = np.random.default_rng(0)
    spaces = [rng.normal(size=(N, width)) * size for width, size in ((5, 1), (8, 30), (90, 1))]
    first, second = spaces[0] @ rng.normal(size=(5, NEURONS)), spaces[1] @ rng.normal(size=(8, NEURONS)) / 30
    mixture = np.array([1, 1, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 1, 1])
    neurons = first * mixture[0] + second * mixture[1] + rng.normal(size=(N, NEURONS))
    return spaces, neurons


def subject(features, identifier):
    made = ArraySubject(dict(zip(STIMULI["stimulus_id"], features, strict=True)))
    made.identifier = identifier
    return made


def benchmark(neurons, metric=None):
    metric = metric or CrossRegressedCorrelation(
        ridge_regression(), pearsonr_correlation(), {"splits": 2, "stratification_coord": None}
    )
    return neural_benchmark(metric, responses_assembly(STIMULI, neurons))


def centred(made):
    spaces, neurons = made
    training, new = slice(45), slice(45, None)
    features = [space - space[training].mean(axis=0) for space in spaces[:2]]
    features = [each / np.sqrt((each[training] ** 2).sum() / 45) for each in features]
    kernels = np.stack([each[training] @ each[training].T for each in features])
    new_kernels = np.stack([each[new] @ each[training].T for each in features])
    return features, kernels, new_kernels, neurons[training] - neurons[training].mean(axis=0)


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning:himalaya")  # weights of 0, whose logarithm it reports
def test_predictions_are_himalayas(made):
    from himalaya.kernel_ridge import MultipleKernelRidgeCV

    _, kernels, new_kernels, responses = centred(made)
    splits, weights = KFold(4), kernel_weights(2)
    predicted = multiple_kernel_ridge(kernels, responses, new_kernels, splits.split(responses), weights, PENALTIES)
    theirs = MultipleKernelRidgeCV(
        kernels="precomputed",
        solver="random_search",
        solver_params={"n_iter": weights, "alphas": np.array(PENALTIES), "progress_bar": False},
        cv=splits,
    )
    theirs.fit(kernels, responses)
    # Rounding grows by the condition of a kernel with the smallest penalty, 1e7.
    np.testing.assert_allclose(predicted, theirs.predict(new_kernels), rtol=0, atol=1e-8)


def test_predictions_are_those_of_ridge_on_scaled_features(made):
    """And of all that are tried, the weights and the penalty with the smallest error over the splits."""
    features, kernels, new_kernels, responses = centred(made)
    splits = list(KFold(3).split(responses))
    predicted = multiple_kernel_ridge(kernels, responses, new_kernels, splits)
    for neuron in range(NEURONS):
        best = (np.inf, None)
        for weights in kernel_weights(2):
            scaled = np.hstack([np.sqrt(weight) * each for weight, each in zip(weights, features, strict=True)])
            for penalty in PENALTIES:

                def fitted(rows, penalty=penalty, scaled=scaled, neuron=neuron):
                    ridge = Ridge(penalty, fit_intercept=False, solver="svd")
                    return ridge.fit(scaled[:45][rows], responses[rows, neuron])

                loss = np.mean(
                    [
                        ((responses[judged, neuron] - fitted(rows).predict(scaled[:45][judged])) ** 2).mean()
                        for rows, judged in splits
                    ]
                )
                if loss < best[0]:
                    best = loss, fitted(np.arange(45)).predict(scaled[45:])
        np.testing.assert_allclose(predicted[:, neuron], best[1], rtol=0, atol=1e-8)


def test_weights_leave_spaces_out_and_name_each_ratio_once():
    assert kernel_weights(1).tolist() == [[1.0]]
    two = kernel_weights(2)
    assert len(two) == 9 and [1, 0] in two.tolist() and [0, 1] in two.tolist()
    assert (kernel_weights(3).max(axis=1) == 1).all()


def test_parts_of_neurons_whose_features_are_known(made):
    spaces, neurons = made
    models = {name: subject(space, name) for name, space in zip("abc", spaces, strict=True)}
    found = partition_variance({name: models[name] for name in "ab"}, benchmark(neurons), progress=False)
    table = found.neurons
    assert found.n_stimuli == N and list(table.index) == list(range(NEURONS))
    together, a, b = table["together", ""], table["alone", "a"], table["alone", "b"]
    np.testing.assert_allclose(table["unique", "a"], together - b)
    np.testing.assert_allclose(table["unique", "b"], together - a)
    np.testing.assert_allclose(table["shared", ""], a + b - together)
    assert (table["unique", "a"][[0, 1, 4, 5]] > 0.03).all() and (abs(table["unique", "a"][[2, 3]]) < 0.03).all()
    assert (table["unique", "b"][[2, 3, 4, 5]] > 0.2).all() and (abs(table["unique", "b"][[0, 1]]) < 0.1).all()
    np.testing.assert_allclose(found.parts["mean"], table.mean())
    assert (found.parts["low"] < found.parts["mean"]).all() and (found.parts["high"] > found.parts["mean"]).all()
    assert "made.IT-metric, 60 stimuli, 6 neurons" in repr(found) and "<table" in found._repr_html_()
    three = partition_variance(models, benchmark(neurons), progress=False)
    assert abs(three.parts.loc[("unique", "c"), "mean"]) < 0.05
    unique = three.neurons["unique"].sum(axis=1)
    np.testing.assert_allclose(three.neurons["shared", ""], three.neurons["together", ""] - unique)


def test_r2_is_of_stimuli_that_were_not_fitted(made):
    """One space: plain ridge, its penalty chosen within the folds that are fitted, by hand."""
    spaces, neurons = made
    models = {name: subject(space, name) for name, space in zip("ab", spaces[:2], strict=True)}
    found = partition_variance(models, benchmark(neurons), folds=3, seed=4, progress=False)
    folds = KFold(3, shuffle=True, random_state=4)
    errors = np.zeros_like(neurons)
    for fitted, held_out in folds.split(neurons):
        features = spaces[1] - spaces[1][fitted].mean(axis=0)
        features /= np.sqrt((features[fitted] ** 2).sum() / len(fitted))
        responses = neurons - neurons[fitted].mean(axis=0)
        losses = np.zeros((len(PENALTIES), NEURONS))
        for inside, judged in folds.split(fitted):
            for index, penalty in enumerate(PENALTIES):
                ridge = Ridge(penalty, fit_intercept=False, solver="svd")
                ridge.fit(features[fitted[inside]], responses[fitted[inside]])
                error = responses[fitted[judged]] - ridge.predict(features[fitted[judged]])
                losses[index] += (error**2).mean(axis=0) / 3
        chosen = np.array(PENALTIES)[losses.argmin(axis=0)]
        ridge = Ridge(chosen, fit_intercept=False, solver="svd").fit(features[fitted], responses[fitted])
        errors[held_out] = (responses[held_out] - ridge.predict(features[held_out])) ** 2
    r2 = 1 - errors.sum(axis=0) / ((neurons - neurons.mean(axis=0)) ** 2).sum(axis=0)
    np.testing.assert_allclose(found.neurons["alone", "b"], r2, atol=1e-7)


def test_a_front_end_beyond_pixels(tmp_path):
    front_end = get_model(None, simple_channels=8, complex_channels=8)
    each = simulated_benchmark(tmp_path, n_stimuli=80, n_neurons=6)
    settings = {"noise": "none", "progress": False}
    found = partition_variance({"front end": front_end, "pixels": "pixels"}, each, **settings)
    assert found.parts.loc[("unique", "front end"), "mean"] > found.parts.loc[("unique", "pixels"), "mean"]
    again = partition_variance({"front end": front_end, "pixels": "pixels"}, each, **settings)
    np.testing.assert_array_equal(found.parts, again.parts)
    other = partition_variance({"front end": front_end, "pixels": "pixels"}, each, seed=1, **settings)
    assert (other.parts["mean"] != found.parts["mean"]).any()


def test_refusals(made):
    spaces, neurons = made
    models = {name: subject(space, name) for name, space in zip("abc", spaces, strict=True)}
    with pytest.raises(ValueError, match="takes two or more models, not 1"):
        partition_variance({"a": models["a"]}, benchmark(neurons))
    with pytest.raises(ValueError, match="between two to four models, not 5"):
        partition_variance({name: models["a"] for name in "vwxyz"}, benchmark(neurons))
    with pytest.raises(ValueError, match="folds is 31; 60 stimuli have 2 to 30"):
        partition_variance(models, benchmark(neurons), folds=31)
    with pytest.raises(ValueError, match=r"of PLS or ridge; made\.IT-metric: dissimilarities"):
        partition_variance(models, benchmark(neurons, load_metric("rdm")))
    with pytest.raises(ValueError, match="its metric is ReverseCrossRegressedCorrelation"):
        partition_variance(models, benchmark(neurons, load_metric("reverse_pls")))
    with_tests = train_test_benchmark(load_metric("ridge_split"), *2 * [responses_assembly(STIMULI, neurons)])
    with pytest.raises(ValueError, match="its training and test stimuli are recorded apart"):
        partition_variance(models, with_tests)
    with pytest.raises(ValueError, match="on one benchmark, not on"):
        partition_variance(models, "V1-properties")
