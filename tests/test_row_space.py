"""Scores in row space equal those of Brain-Score's own metrics on the full features."""

import numpy as np
import pytest
import torch
from brainscore_core.metrics import Score
from brainscore_vision import load_metric
from brainscore_vision.benchmark_helpers import screen
from brainscore_vision.benchmark_helpers.neural_common import RSABenchmark
from brainscore_vision.metric_helpers.xarray_utils import XarrayRegression
from brainscore_vision.metrics.regression_correlation.metric import (
    CrossRegressedCorrelation,
    TrainTestSplitCorrelation,
    dual_ridge_cv_regression,
    dual_ridge_regression,
    linear_regression,
    pearsonr_correlation,
    pls_regression,
    ridge_cv_regression,
    ridge_regression,
)
from made_benchmarks import ArraySubject, neural_benchmark, responses_assembly, stimulus_set, train_test_benchmark
from PIL import Image
from sklearn.cross_decomposition import PLSRegression
from sklearn.metrics import pairwise_distances

from vonenet_brainscore import get_model
from vonenet_brainscore.benchmarks.gram import Gram, gram_matrices
from vonenet_brainscore.benchmarks.row_space import RowSpaceSubject, correlation_space, row_space

REGRESSIONS = {
    "pls": pls_regression,
    "ridge": ridge_regression,
    "ridgecv": ridge_cv_regression,
    "dual_ridge": dual_ridge_regression,
    "dual_ridgecv": dual_ridge_cv_regression,
}
N_TRAIN, N_TEST, N_NEURONS = 60, 20, 6
TRAIN_STIMULI, TEST_STIMULI = stimulus_set("train", N_TRAIN), stimulus_set("test", N_TEST)


@pytest.fixture(autouse=True)
def _no_cache_and_no_installation(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")
    monkeypatch.setenv("BS_INSTALL_DEPENDENCIES", "no")


@pytest.fixture(scope="module")
def features():
    """A VOneBlock's responses to mixtures of six pictures: 20,480 features with means as large as their deviations."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.rand(6, 1, 36, 36, generator=generator)
    images = torch.einsum("im,mcyx->icyx", torch.rand(N_TRAIN + N_TEST, 6, generator=generator), pictures)
    images = images + torch.rand(images.shape, generator=generator)
    images = torch.nn.functional.avg_pool2d(images, 5, stride=1)  # (image, 1, 32, 32)
    images = (images - images.mean()) / images.std() / 2
    block = get_model(
        None,
        pretrained=False,
        simple_channels=160,
        complex_channels=160,
        noise_mode=None,
        image_size=32,
        visual_degrees=2,
    )
    with torch.no_grad():
        return block(images.expand(-1, 3, -1, -1)).flatten(1).numpy()  # (image, 320 * 8 * 8)


@pytest.fixture(scope="module")
def responses(features):
    """Noisy linear read-outs, shape (stimulus, neuroid)."""
    rng = np.random.default_rng(0)
    signal = (features - features.mean(axis=0)) @ rng.standard_normal((features.shape[1], N_NEURONS))
    return 5 + signal / signal.std(axis=0) + 0.5 * rng.standard_normal(signal.shape)


def subject(features, **kwargs):
    names = [*TRAIN_STIMULI["stimulus_id"], *TEST_STIMULI["stimulus_id"]]
    return ArraySubject(dict(zip(names, features, strict=True)), **kwargs)


def cross_validated(regression, responses):
    train = responses_assembly(TRAIN_STIMULI, responses[:N_TRAIN])
    return neural_benchmark(CrossRegressedCorrelation(regression, pearsonr_correlation()), train)


def train_test(regression, responses, **kwargs):
    metric = TrainTestSplitCorrelation(regression, pearsonr_correlation())
    train = responses_assembly(TRAIN_STIMULI, responses[:N_TRAIN])
    test = responses_assembly(TEST_STIMULI, responses[N_TRAIN:])
    return train_test_benchmark(metric, train, test, **kwargs)


def score_values(benchmark, candidate):
    """The score, with every correlation behind it: (split, neuroid) or (neuroid,)."""
    score = benchmark(candidate)
    return np.append(score.raw.raw.values.ravel(), score.values)


@pytest.mark.parametrize("make", [cross_validated, train_test])
@pytest.mark.parametrize("name", REGRESSIONS)
def test_scores_equal_those_of_the_full_features(features, responses, make, name):
    benchmark = make(REGRESSIONS[name](), responses)
    compressed = score_values(benchmark, RowSpaceSubject(subject(features), benchmark))
    full = score_values(benchmark, subject(features.astype(np.float64)))
    assert len(full) == (10 if make is cross_validated else 1) * N_NEURONS + 1
    assert 0.1 < full[-1] < 0.99
    np.testing.assert_allclose(compressed, full, rtol=0, atol=1e-8)  # both in float64 throughout


def geometry_benchmark(name, responses):
    """A benchmark that compares geometries of the training stimuli."""
    train = responses_assembly(TRAIN_STIMULI, responses[:N_TRAIN])
    if name == "rsa":
        return RSABenchmark("made.IT-rdm", 1, train, "IT", 8, 3, "", ceiler=lambda _: Score(0.5))
    return neural_benchmark(load_metric(name), train)


@pytest.mark.parametrize("name", ["cka", "cka_biased", "cka_cv", "rdm", "rdm_cv", "rsa"])
@pytest.mark.parametrize(
    ("n_features", "level", "kind", "atol"),
    [
        (1280, 3, np.float64, 1e-9),
        (40, 3, np.float64, 1e-9),
        # Brain-Score's CKA multiplies in float32 where features are, and takes large means off the products.
        (1280, 0, np.float32, 3e-5),
    ],
)
def test_geometries_equal_those_of_the_full_features(features, responses, name, n_features, level, kind, atol):
    """Of more and fewer features than stimuli, which have levels of their own."""
    some = features[:, :: len(features[0]) // n_features]
    some = some + np.linspace(0, level, len(features), dtype=np.float32)[:, None]
    benchmark = geometry_benchmark(name, responses)
    candidate = RowSpaceSubject(subject(some), benchmark)
    compressed, full = benchmark(candidate), benchmark(subject(some.astype(kind)))
    assert candidate.n_features == some.shape[1] and 1e-4 < float(full) < 1
    scores = [[float(score), float(score.raw)] for score in (compressed, full)]
    if name.endswith("_cv"):
        scores = [
            [*each, *score.raw.attrs["raw"].values] for each, score in zip(scores, (compressed, full), strict=True)
        ]
        assert len(scores[0]) == 2 + 10
    if name == "rsa":
        scores += [score.raw.attrs["subject_scores"] for score in (compressed, full)]
    np.testing.assert_allclose(scores[0], scores[1], rtol=0, atol=atol)
    np.testing.assert_allclose(scores[-2], scores[-1], rtol=0, atol=atol)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy's, of the division by a deviation of zero
def test_a_stimulus_that_nothing_answers_has_no_correlation(features, responses):
    """Brain-Score's score is NaN then, and rounding may not make it a number."""
    silenced = features[:, ::16].copy()
    silenced[4] = 0
    benchmark = geometry_benchmark("rdm", responses)
    assert np.isnan(float(benchmark(subject(silenced))))
    assert np.isnan(float(benchmark(RowSpaceSubject(subject(silenced), benchmark))))


def test_correlations_are_those_of_the_recording(features):
    """Of stimuli whose levels and contrasts are orders of magnitude apart, too."""
    some = features[:N_TRAIN].astype(np.float64)
    some = some * np.logspace(-8, 8, N_TRAIN)[:, None] + np.logspace(8, -8, N_TRAIN)[:, None]
    gram = gram_matrices([(np.arange(N_TRAIN), {"layer": some})], N_TRAIN, centred_over="features")["layer"]
    found = correlation_space(gram)
    assert found.shape == (N_TRAIN, 2 * N_TRAIN) and np.abs(found.sum(axis=1)).max() < 1e-14
    centred = some - some.mean(axis=1, keepdims=True)
    level = np.abs(some).max(axis=1) / centred.std(axis=1)  # what rounding of the level leaves of a contrast
    tolerance = 1e-13 + 1e-15 * np.maximum.outer(level, level)
    assert (np.abs(np.corrcoef(found) - np.corrcoef(some)) <= tolerance).all()


@pytest.mark.parametrize(
    ("name", "atol"),
    # scikit-learn's Ridge solves in float32 where the features are float32, and warns that the system is too
    # ill-conditioned for that; the row space is the more exact one (test above). The others widen features first.
    [("pls", 1e-6), ("ridge", 1e-3), ("ridgecv", 1e-6), ("dual_ridge", 1e-6), ("dual_ridgecv", 1e-6)],
)
@pytest.mark.filterwarnings("ignore:An ill-conditioned matrix")
def test_scores_equal_those_of_full_features_in_float32(features, responses, name, atol):
    benchmark = train_test(REGRESSIONS[name](), responses)
    compressed = score_values(benchmark, RowSpaceSubject(subject(features), benchmark))
    np.testing.assert_allclose(compressed, score_values(benchmark, subject(features)), rtol=0, atol=atol)


def test_scores_of_each_subject_with_its_own_alpha_equal_those_of_the_full_features(features, responses):
    candidate = subject(features.astype(np.float64))
    benchmark = train_test(ridge_cv_regression(), responses, alpha_coord="subject", per_voxel_ceilings=True)
    compressed, full = benchmark(RowSpaceSubject(candidate, benchmark)), benchmark(candidate)
    for monkey in ("monkey", "macaque"):
        np.testing.assert_allclose(compressed.attrs[monkey].raw.values, full.attrs[monkey].raw.values, atol=1e-9)
        assert compressed.attrs[monkey].attrs["alpha"] == full.attrs[monkey].attrs["alpha"]


def test_order_of_the_stream_and_spilling_change_no_bit(features, responses):
    benchmark = cross_validated(ridge_regression(), responses)
    reference = RowSpaceSubject(subject(features), benchmark).look_at(TRAIN_STIMULI, 3)
    other_batches = RowSpaceSubject(subject(features, batch_size=13, reverse=True), benchmark, memory=0)
    assert (other_batches.look_at(TRAIN_STIMULI, 3).values == reference.values).all()


def test_least_squares_would_not_survive_compression(features, responses):
    """Why ordinary least squares is left out: rounding decides its score, in the full features too."""
    benchmark = train_test(linear_regression(), responses)
    in_float32, in_float64 = (score_values(benchmark, subject(features.astype(kind))) for kind in ("f4", "f8"))
    assert np.abs(in_float32 - in_float64).max() > 1e-6
    with pytest.raises(
        ValueError, match=r"made\.IT-metric_split needs the full features: LinearRegression isn't known"
    ):
        RowSpaceSubject(subject(features), benchmark)


def test_recording_carries_the_coordinates_of_the_subject_s_own(features, responses):
    benchmark = cross_validated(pls_regression(), responses)
    candidate = subject(features)
    stand_in = RowSpaceSubject(candidate, benchmark)
    assert (stand_in.identifier, stand_in.visual_degrees(), stand_in.n_features) == ("array", 8, 0)
    stand_in.start_recording("IT", benchmark.timebins)
    assert candidate.recorded == [("IT", [(50, 200)])]
    compressed, full = stand_in.look_at(TRAIN_STIMULI, 3), candidate.look_at(TRAIN_STIMULI, 3)
    assert compressed.dims == ("presentation", "neuroid")
    assert compressed.shape == (N_TRAIN, N_TRAIN)
    assert stand_in.n_features == 20_480
    assert type(compressed) is type(full)
    assert compressed.coords.keys() == full.coords.keys()
    for name in ("stimulus_id", "object_name", "time_bin"):
        assert (compressed[name].values == full[name].values).all()
    assert compressed.indexes["neuroid"].names == full.indexes["neuroid"].names
    assert set(compressed["region"].values) == {"IT"}
    assert compressed["neuroid_id"].to_index().is_unique
    # Distances between stimuli are distances between rows of scores.
    np.testing.assert_allclose(
        pairwise_distances(compressed.values), pairwise_distances(full.values.astype(float)), rtol=0, atol=1e-6
    )


def test_train_and_test_stimuli_share_one_row_space(features, responses):
    benchmark = train_test(ridge_regression(), responses)
    stand_in = RowSpaceSubject(subject(features), benchmark)
    train, test = stand_in.look_at(TRAIN_STIMULI, 3).values, stand_in.look_at(TEST_STIMULI, 3).values
    centred = features.astype(float) - features.astype(float).mean(axis=0)
    exact = centred[:N_TRAIN] @ centred[N_TRAIN:].T
    np.testing.assert_allclose(train @ test.T, exact, rtol=0, atol=1e-12 * (centred**2).sum(axis=1).max())


def test_same_stimulus_names_in_train_and_test_are_told_apart(features, responses):
    benchmark = train_test(ridge_regression(), responses)
    train = stimulus_set("train", N_TEST)
    benchmark.train_assembly.attrs["stimulus_set"] = train
    benchmark.test_assembly.attrs["stimulus_set"] = test = train.copy()
    test.identifier = "test"
    rows = iter(range(2 * N_TEST))
    candidate = subject(features)
    candidate.stream_recording = lambda stimuli, number_of_trials: (
        (slice(i, i + 1), features[[next(rows)]]) for i in range(N_TEST)
    )
    stand_in = RowSpaceSubject(candidate, benchmark)
    assert not np.allclose(stand_in.look_at(train).values, stand_in.look_at(test).values)


def test_benchmarks_are_placed_on_the_subject_s_screen(features, responses, monkeypatch, tmp_path):
    """A 4-degree train/test benchmark on an 8-degree subject: both sets must be recorded as they will be shown."""
    monkeypatch.setattr(screen, "root_path", tmp_path / "screen")
    benchmark = train_test(ridge_cv_regression(), responses)
    benchmark._visual_degrees = 4
    for stimuli in (benchmark.train_assembly.stimulus_set, benchmark.test_assembly.stimulus_set):
        stimuli.stimulus_paths = {name: str(tmp_path / f"{name}.png") for name in stimuli["stimulus_id"]}
        for path in stimuli.stimulus_paths.values():
            Image.new("L", (8, 8)).save(path)
    candidate = subject(features.astype(np.float64))
    compressed = score_values(benchmark, RowSpaceSubject(candidate, benchmark))
    np.testing.assert_allclose(compressed, score_values(benchmark, candidate), rtol=0, atol=1e-9)


def test_refuses_stimuli_that_are_not_the_benchmark_s(features, responses):
    benchmark = cross_validated(ridge_regression(), responses)
    stand_in = RowSpaceSubject(subject(features), benchmark)
    stand_in.look_at(TRAIN_STIMULI, 3)
    with pytest.raises(ValueError, match=r"stimulus set 'test' isn't one of made\.IT-metric's"):
        stand_in.look_at(TEST_STIMULI, 3)


def test_fewer_features_than_stimuli_stay_fewer(features, responses):
    """PLS refuses more components than features, compressed or not."""
    narrow = features[:, 36::1024]  # the middle of the field in every 16th channel
    benchmark = cross_validated(pls_regression(), responses)
    assert RowSpaceSubject(subject(narrow), benchmark).look_at(TRAIN_STIMULI, 3).shape == (N_TRAIN, 20)
    for candidate in (subject(narrow), RowSpaceSubject(subject(narrow), benchmark)):
        with pytest.raises(ValueError, match="upper bound is 20"):
            benchmark(candidate)
    few_components = cross_validated(XarrayRegression(PLSRegression(5, scale=False)), responses)
    candidate = subject(narrow.astype(np.float64))
    compressed = score_values(few_components, RowSpaceSubject(candidate, few_components))
    np.testing.assert_allclose(compressed, score_values(few_components, candidate), rtol=0, atol=1e-9)


def test_row_space_has_the_same_inner_products(features):
    gram = gram_matrices([(np.arange(N_TRAIN), {"layer": features[:N_TRAIN]})], N_TRAIN)["layer"]
    scores = row_space(gram)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(scores @ scores.T, gram.products, rtol=0, atol=1e-12 * gram.products.max())
    variances = (scores**2).sum(axis=0)
    assert (np.diff(variances) <= 0).all()
    assert variances[-1] == 0  # centred: one direction fewer than stimuli
    np.testing.assert_allclose(scores.T @ scores, np.diag(variances), rtol=0, atol=1e-9 * variances.max())
    assert (scores[np.abs(scores).argmax(axis=0), np.arange(N_TRAIN)] >= 0).all()


def test_stimuli_that_look_the_same_have_the_same_scores():
    products = np.zeros((3, 3))
    assert (row_space(Gram(products, 100)) == 0).all()
    products = np.outer([1, 1, -2], [1, 1, -2]).astype(float)
    scores = row_space(Gram(products, 100))
    np.testing.assert_allclose(np.abs(scores[:, 0]), [1, 1, 2])
    assert (scores[:, 1:] == 0).all()  # rounding isn't variance
