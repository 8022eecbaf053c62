"""`neural_benchmark`: what a planted population scores, through Brain-Score's own benchmark and metrics."""

import numpy as np
import pytest
from made_recordings import FeatureSubject, linear, small_images
from PIL import Image
from scipy.stats import spearmanr

from vonenet_brainscore import results_table, score_model
from vonenet_brainscore.benchmarks.recognition import compressible
from vonenet_brainscore.own_recordings.comparisons import GEOMETRIES, METRICS
from vonenet_brainscore.own_recordings.neural_benchmark import median_repetitions, neural_benchmark
from vonenet_brainscore.own_recordings.pairing import paired


@pytest.fixture(autouse=True)
def no_stored_results(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return small_images(tmp_path_factory.mktemp("images"), 200)


@pytest.fixture(scope="module")
def features():
    return np.random.default_rng(1).normal(size=(200, 30))


# PLS and ridge fit 30 features to 180 stimuli; least squares with so many loses about
# (noise / signal) * 30 / 150 of the variance, and a median of 12 correlations over 10 x 20 stimuli scatters by .03.
@pytest.mark.parametrize("metric", ["pls", "ridge", "linear_predictivity"])
def test_a_planted_population_scores_its_analytic_value(images, features, metric):
    responses = linear(features, noise=1.0, repetitions=4)
    benchmark = neural_benchmark("planted", images, responses, metric=metric)
    score = benchmark(FeatureSubject(features))
    assert float(benchmark.ceiling) == pytest.approx(1 / (1 + 1 / 4), abs=0.04)  # S / (S + N / repetitions)
    assert float(score) == pytest.approx(1, abs=0.12)
    assert float(score) == pytest.approx(float(score.raw) ** 2 / float(score.ceiling), rel=1e-12)


def test_a_neuron_finds_its_model_neuroid(images, features):
    responses = 3 * features[:, :6, None] + 0.5 * np.random.default_rng(3).normal(size=(200, 6, 3))
    score = neural_benchmark("one-to-one", images, responses, metric="neuron_to_neuron")(FeatureSubject(features))
    assert float(score) == pytest.approx(1, abs=0.05)


def test_without_repetitions_the_score_is_r_squared_and_no_ceiling_is_claimed(images, features):
    responses = linear(features, noise=1.0, repetitions=1)
    benchmark = neural_benchmark("planted", images, responses[..., 0])
    score = benchmark(FeatureSubject(features))
    assert score.ceiling.attrs == {"claimed": False, "reason": "no repetitions were recorded"}
    assert float(score) == float(score.raw) ** 2
    assert float(score) == pytest.approx(1 / (1 + 1), abs=0.13)  # S / (S + N)


def test_shuffled_responses_score_about_nothing(images, features):
    responses = linear(features, noise=1.0, repetitions=4)[np.random.default_rng(4).permutation(200)]
    score = neural_benchmark("shuffled", images, responses)(FeatureSubject(features))
    # 12 neurons are a mixture of 5 features, so their correlations of 1 / sqrt(200) hardly average out
    assert abs(float(score.raw)) < 0.2


def test_it_is_brain_scores_own_benchmark_and_metric(images, features):
    from brainscore_vision.benchmark_helpers.neural_common import NeuralBenchmark
    from brainscore_vision.metrics.regression_correlation.metric import CrossRegressedCorrelation

    responses = linear(features, noise=1.0, repetitions=4)
    for metric in METRICS:
        benchmark = neural_benchmark("mine", images, responses, metric=metric)
        assert type(benchmark) is NeuralBenchmark
        assert type(benchmark._similarity_metric) is CrossRegressedCorrelation
        assert bool(compressible(benchmark)) == (metric in ("pls", "ridge"))


@pytest.mark.parametrize("metric", GEOMETRIES)
def test_geometries_are_compared_as_brain_score_compares_them(images, features, metric):
    """Of the mean responses and all features, by its own metric; from inner products as well."""
    responses = linear(features, noise=1.0, repetitions=4)
    benchmark = neural_benchmark("mine", images, responses, region="V2", metric=metric)
    score = benchmark(FeatureSubject(features))
    mean = responses.mean(axis=-1)
    if metric == "rsa":
        upper = np.triu_indices(200, 1)
        expected = spearmanr(*((1 - np.corrcoef(each))[upper] for each in (features, mean))).statistic
    else:

        def products(recording):
            found = (recording - recording.mean(axis=0)) @ (recording - recording.mean(axis=0)).T
            np.fill_diagonal(found, 0)
            return found

        # Song et al. 2012, J Mach Learn Res 13:1393, equation 5, of centred kernels
        def hsic(first, second):
            n, ones = len(first), np.ones(len(first))
            outer = (ones @ first @ ones) * (ones @ second @ ones) / ((n - 1) * (n - 2))
            return np.trace(first @ second) + outer - 2 / (n - 2) * (ones @ first @ second @ ones)

        a, b = products(features), products(mean)
        expected = hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b))
    assert float(score) == float(score.raw) == pytest.approx(expected, abs=1e-10) and 0.1 < expected < 0.9
    assert score.ceiling.attrs["claimed"] is False and benchmark._number_of_trials == 4
    assert (benchmark.region, benchmark.own_recordings["metric"]) == ("V2", metric)
    assert "splits" not in benchmark.own_recordings
    compressed = score_model(FeatureSubject(features), benchmark, progress=False)
    assert compressed.attrs["compressed"] and compressed.attrs["metric"] == metric
    assert float(compressed) == pytest.approx(expected, abs=1e-8)
    assert np.isnan(results_table({"mine": compressed})["ceiling"].item())


def test_geometries_of_next_to_nothing_are_refused(images, features):
    files = sorted(images.iterdir())
    with pytest.raises(ValueError, match="3 stimuli and 12 neurons are too few for 'cka'; needs 4 and 2"):
        neural_benchmark("mine", files[:3], linear(features[:3], noise=1.0, repetitions=2), metric="cka")
    with pytest.raises(ValueError, match="200 stimuli and 1 neurons are too few for 'rsa'"):
        neural_benchmark("mine", files, linear(features, noise=1.0, repetitions=2, neurons=1), metric="rsa")


def test_the_experiment_is_as_asked(images, features):
    responses = linear(features, noise=1.0, repetitions=4)
    benchmark = neural_benchmark("mine", images, responses, region="V2", time_bin=(70, 170), splits=3)
    subject = FeatureSubject(features)
    score = benchmark(subject)
    assert subject.asked == ("V2", [(70, 170)])
    assert subject.trials == 4  # as many as the repetitions
    assert score.raw.raw.sizes["split"] == 3
    assert set(score.raw.raw["region"].values) == {"V2"}
    assert (benchmark.identifier, benchmark.region, benchmark.parent) == ("mine", "V2", "V2")
    benchmark = neural_benchmark("mine", images, responses, number_of_trials=7)
    benchmark(subject)
    assert subject.trials == 7


def test_a_subject_sees_as_many_trials_as_a_stimulus_usually_has(images, features):
    """Trials numbered through a session are not 80 trials of a stimulus, and 20 of a few stimuli are not 20 of each."""
    files = sorted(images.iterdir())[:40]
    mean = linear(features, noise=0.0, repetitions=1)[:40]
    trials = np.random.default_rng(5).permutation(80).reshape(40, 2)
    session = np.full((40, 12, 80), np.nan)
    session[np.arange(40)[:, None], :, trials] = np.random.default_rng(6).normal(
        np.repeat(mean, 2, axis=2).transpose(0, 2, 1)
    )
    assert neural_benchmark("session", files, session)._number_of_trials == 2
    ragged = np.repeat(mean, 20, axis=2) + np.random.default_rng(7).normal(size=(40, 12, 20))
    ragged[10:, :, 1:] = np.nan
    benchmark = neural_benchmark("ragged", files, ragged)
    assert benchmark._number_of_trials == benchmark.own_recordings["n_repetitions"] == 1
    two_or_three = np.zeros((40, 12, 3))
    two_or_three[:20, :, 2] = np.nan
    assert median_repetitions(two_or_three) == 2


def test_a_benchmark_says_what_its_scores_are_of(images, features):
    """PLS at 8 degrees with six neurons and ridge at 4 with three are told apart by plain values."""
    responses = linear(features, noise=1.0, repetitions=4)
    first = neural_benchmark("mine", images, responses, metric="pls", visual_degrees=8, stratify=None)
    other = neural_benchmark("mine", images, responses[:, :3], metric="ridge", visual_degrees=4, splits=5, split_seed=7)
    assert first.own_recordings == {
        "visual_degrees": 8.0,
        "metric": "pls",
        "splits": 10,
        "split_seed": 1,
        "stratify": None,
        "time_bin": "50 to 200 ms",
        "n_stimuli": 200,
        "n_neurons": 12,
        "n_repetitions": 4,
        "n_responses": 9600,
        "stimuli": first._assembly.attrs["stimulus_set_identifier"],
        "responses_sha256": first._assembly.attrs["responses_sha256"],
        "recordings": "200 stimuli, 12 neurons, 4 repetitions",
        "notes": "the array of 200 x 12 x 4 is taken as (stimulus, neuron, repetition); for another order, "
        "pass for example axes='stimulus,repetition,neuron' (--axes)\n"
        "the time window is not stated; 50 to 200 ms are assumed (--window, time_bin=)",
    }
    differ = {name for name, value in first.own_recordings.items() if other.own_recordings[name] != value}
    assert differ == {
        "visual_degrees",
        "metric",
        "splits",
        "split_seed",
        "n_neurons",
        "n_responses",
        "responses_sha256",
        "recordings",
        "notes",
    }


def test_splits_have_a_seed(images, features):
    responses = linear(features, noise=1.0, repetitions=2)
    scores = [
        float(neural_benchmark("mine", images, responses, metric="ridge", **seed)(FeatureSubject(features)))
        for seed in ({}, {"split_seed": 1}, {"split_seed": 2})
    ]
    assert scores[0] == scores[1] != scores[2]
    with pytest.raises(TypeError, match="split_seed is None; it must be a whole number"):
        neural_benchmark("mine", images, responses, split_seed=None)


def test_images_are_placed_on_the_subjects_screen(images, features, monkeypatch, tmp_path):
    from brainscore_vision.benchmark_helpers import screen

    monkeypatch.setattr(screen, "root_path", tmp_path)
    subject = FeatureSubject(features, degrees=8)
    neural_benchmark("mine", images, linear(features, noise=1.0, repetitions=2), visual_degrees=4)(subject)
    placed = np.asarray(Image.open(subject.shown.get_stimulus("s007")))
    assert placed.shape == (8, 8, 3)
    np.testing.assert_array_equal(placed[2:6, 2:6, 0], np.asarray(Image.open(images / "s007.png")))


def test_two_data_sets_of_one_name_keep_their_ceilings(images, features, monkeypatch, tmp_path):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "0")
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    ceilings = [
        float(neural_benchmark("mine", images, linear(features, noise=noise, repetitions=4)).ceiling)
        for noise in (0.5, 2.0)
    ]
    assert ceilings[0] > 0.9 > 0.7 > ceilings[1]


def test_each_file_format_gives_the_identical_benchmark(images, features, tmp_path):
    import scipy.io
    import xarray as xr

    values = linear(features, noise=1.0, repetitions=2)[:, :3]
    array = xr.DataArray(
        values,
        dims=("stimulus", "neuron", "repetition"),
        coords={"stimulus": [f"s{i:03d}.png" for i in range(200)], "neuron": ["0", "1", "2"]},
    )
    np.save(tmp_path / "r.npy", values)
    array.to_netcdf(tmp_path / "r.nc")
    long = array.to_series().rename("response").reset_index().sample(frac=1, random_state=0).sort_values("neuron")
    long.to_csv(tmp_path / "r.csv", index=False)
    scipy.io.savemat(tmp_path / "r.mat", {"responses": values})
    files = [tmp_path / f"r.{suffix}" for suffix in ("npy", "nc", "csv", "mat")]
    benchmarks = [neural_benchmark("mine", images, source, splits=2) for source in (values, array, long, *files)]
    scores = [benchmark(FeatureSubject(features)) for benchmark in benchmarks]
    assert len({benchmark._assembly.attrs["responses_sha256"] for benchmark in benchmarks}) == 1
    assert len({benchmark._assembly.attrs["stimulus_set_identifier"] for benchmark in benchmarks}) == 1
    assert len({float(score) for score in scores}) == 1


def test_stratify_balances_a_column(images, features):
    responses = linear(features, noise=1.0, repetitions=2)
    stimuli = paired(images, responses).stimulus_set
    stimuli["kind"] = ["texture" if i < 150 else "noise" for i in range(200)]
    benchmark = neural_benchmark("mine", stimuli, responses, stratify="kind")
    _, splits = benchmark._similarity_metric.cross_validation._split.build_splits(benchmark._assembly)
    assert {int((test < 150).sum()) for _, test in splits} == {15}
    benchmark(FeatureSubject(features))
    with pytest.raises(ValueError, match="no column 'texture' to stratify by; the stimuli have stimulus_id, filename"):
        neural_benchmark("mine", stimuli, responses, stratify="texture")
    with pytest.raises(ValueError, match="'filename' has 200 values in 200 stimuli"):
        neural_benchmark("mine", stimuli, responses, stratify="filename")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metric": "rigde"}, "unknown metric 'rigde' for recordings; nearest: ridge"),
        ({"metric": "ost"}, "unknown metric 'ost' for recordings; nearest: pls, ridge, neuron_to_neuron"),
        ({"region": ""}, "region is empty"),
        ({"visual_degrees": 0}, "visual_degrees is 0"),
        ({"number_of_trials": 0}, "number_of_trials is 0, must be at least 1"),
        ({"time_bin": (200, 50)}, r"time_bin is \(200, 50\); it is a start and a later end"),
        ({"splits": 0}, "splits is 0, must be at least 1"),
    ],
)
def test_refuses_settings(images, features, settings, message):
    with pytest.raises(ValueError, match=message):
        neural_benchmark("mine", images, linear(features, noise=1.0, repetitions=2), **settings)


def test_refuses_too_few_stimuli(images, features):
    responses = linear(features, noise=1.0, repetitions=2)
    files = sorted(images.iterdir())
    with pytest.raises(ValueError, match="28 stimuli are too few for 'pls' on splits of 90 % and 10 %; needs 29"):
        neural_benchmark("mine", files[:28], responses[:28])
    neural_benchmark("mine", files[:29], responses[:29])
    with pytest.raises(ValueError, match="20 stimuli are too few for 'ridge' on splits of 90 % and 10 %; needs 21"):
        neural_benchmark("mine", files[:20], responses[:20], metric="ridge")
    score = neural_benchmark("mine", files[:21], responses[:21], metric="ridge")(FeatureSubject(features))
    assert np.isfinite(float(score))


def with_regions(values, **attributes):
    """Twelve neurons, the first and every other one in V1, as a file would say it."""
    import xarray as xr

    return xr.DataArray(
        values,
        dims=("stimulus", "neuron", "repetition"),
        coords={
            "stimulus": [f"s{i:03d}" for i in range(len(values))],
            "neuron": [f"n{i}" for i in range(12)],
            "region": ("neuron", ["V1", "V2"] * 6),
            "time_bin_start": 70,
            "time_bin_end": 170,
        },
        attrs=attributes,
    )


def test_what_the_file_states_is_used_or_refused_and_never_dropped(images, features, tmp_path):
    """V1's neurons are linear in the features and V2's are noise: mixed they scored .315, V1 alone .863."""
    values = linear(features, noise=0.3, repetitions=4)
    values[:, 1::2] = np.random.default_rng(8).normal(size=(200, 6, 4))
    with_regions(values, visual_degrees=4.0).to_netcdf(tmp_path / "r.nc")
    benchmark = neural_benchmark("mine", images, tmp_path / "r.nc", metric="ridge")
    alone = neural_benchmark("mine", images, values[:, ::2], metric="ridge")
    subject = FeatureSubject(features)
    assert float(benchmark(subject)) == float(alone(subject)) > 0.8
    assert benchmark.own_recordings["n_neurons"] == 6
    assert benchmark.own_recordings["notes"] == "6 of 12 neurons are in V1; the others are not used"
    assert list(benchmark._assembly["neuroid_id"].values) == ["n0", "n2", "n4", "n6", "n8", "n10"]
    assert (benchmark._visual_degrees, benchmark.own_recordings["time_bin"]) == (4, "70 to 170 ms")
    for settings, message in (
        ({"region": "v1"}, r"the responses are from 'V1', 'V2', none from 'v1'; did you mean 'V1'\?"),
        ({"visual_degrees": 8}, r"visual_degrees \(--degrees\) is 8, but the responses state 4\.0"),
        ({"time_bin": (50, 200)}, r"time_bin \(--window\) is \(50, 200\), but the responses state \(70\.0, 170\.0\)"),
    ):
        with pytest.raises(ValueError, match=message):
            neural_benchmark("mine", images, tmp_path / "r.nc", **settings)
    neural_benchmark("mine", images, tmp_path / "r.nc", visual_degrees=4, time_bin=(70, 170))
    theirs = with_regions(values).assign_coords(region=("neuron", ["striate", "other"] * 6))
    benchmark = neural_benchmark("mine", images, theirs, region_in_file="striate")
    assert (benchmark.own_recordings["n_neurons"], benchmark.region) == (6, "V1")


def test_responses_to_another_stimulus_set_are_refused(images, features):
    values = linear(features, noise=1.0, repetitions=2)
    stimuli = paired(images, values).stimulus_set
    with pytest.raises(ValueError, match="the responses are to the stimulus set 'theirs', and the stimuli are 'own-st"):
        neural_benchmark("mine", stimuli, with_regions(values, stimulus_set_identifier="theirs"))
    neural_benchmark("mine", stimuli, with_regions(values, stimulus_set_identifier=stimuli.identifier))
    unchecked = neural_benchmark("mine", images, with_regions(values, stimulus_set_identifier="theirs"))
    assert "to the stimulus set 'theirs'; image files do not say" in unchecked.own_recordings["notes"]


def test_axes_are_told_and_can_be_said(images, features):
    """(image, repetition, neuron) must not be read as ten "neurons" without a word."""
    values = linear(features, noise=1.0, repetitions=10, neurons=6)
    turned = values.transpose(0, 2, 1)
    told = {"axes": "image,repetition,neuron", "visual_degrees": 4, "time_bin": (50, 200)}
    benchmark = neural_benchmark("mine", images, turned, **told)
    assert benchmark.own_recordings["recordings"] == "200 stimuli, 6 neurons, 10 repetitions"
    assert benchmark.own_recordings["notes"] == ""
    assumed = neural_benchmark("mine", images, turned, axes="image,repetition,neuron").own_recordings["notes"]
    assert assumed.splitlines() == [
        "the width of images is not stated; 8 degrees are assumed (--degrees, visual_degrees=)",
        "the time window is not stated; 50 to 200 ms are assumed (--window, time_bin=)",
    ]
    np.testing.assert_array_equal(benchmark._assembly.values, neural_benchmark("m", images, values)._assembly.values)
    untold = paired(images, turned)
    assert untold.summary == "200 stimuli, 10 neurons, 6 repetitions"
    assert "200 x 10 x 6 is taken as (stimulus, neuron, repetition)" in untold.notes[0]
