"""Brain-Score's models, and anybody's, recorded some stimuli at a time, answer as they do to all at once."""

import brainscore_vision
import numpy as np
import pytest
import torch
from brainscore_vision.metrics.regression_correlation.metric import (
    CrossRegressedCorrelation,
    SpanTimeCrossRegressedCorrelation,
    pearsonr_correlation,
    pls_regression,
    ridge_regression,
)
from brainscore_vision.model_helpers.activations.pca import LayerPCA
from brainscore_vision.model_helpers.activations.pytorch import PytorchWrapper
from brainscore_vision.model_helpers.brain_transformation import ModelCommitment
from made_benchmarks import neural_benchmark, responses_assembly, stimulus_set
from PIL import Image
from torch import nn
from torchvision_here import needs_torchvision

from vonenet_brainscore import choose_layers, score_model
from vonenet_brainscore.benchmarks import row_space
from vonenet_brainscore.benchmarks.recognition import compressible
from vonenet_brainscore.brainscore import without_pip, without_result_caching
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.streamed import BATCHES, PIECES, STREAMED, WHOLE, StreamedSubject, way_of_recording
from vonenet_brainscore.recordings.subject import Subject

N = 70  # one batch and a part of another


@pytest.fixture(autouse=True)
def _no_cache(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("images"), stimulus_set("images", N)
    pixels = np.random.default_rng(0).integers(0, 256, (N, 20, 20), np.uint8)
    for name, image in zip(made["stimulus_id"], pixels, strict=True):
        made.stimulus_paths[name] = folder / f"{name}.png"
        Image.fromarray(image).save(made.stimulus_paths[name])
    return made


def preprocessing(paths):
    """Of the test's own: half size, a mean and a scale that nobody else has."""
    images = [np.asarray(Image.open(path).convert("RGB").resize((10, 10)), np.float32) for path in paths]
    return np.stack([(image.transpose(2, 0, 1) - 90) / 70 for image in images])


class Writes(nn.Sequential):
    """Rectifies in place what its first layer answered."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(512, 30))


def commitment(layers="1", **settings):
    wrapper = PytorchWrapper(Writes(), preprocessing, identifier="writes", **settings)
    region_layer_map = {"IT": layers}
    return ModelCommitment("writes", wrapper, layers=["1"], region_layer_map=region_layer_map, visual_degrees=8)


class OnlyLooks:
    """A BrainModel of somebody's."""

    identifier = "only looks"

    def __init__(self, subject):
        self.visual_degrees, self.start_recording = subject.visual_degrees, subject.start_recording
        self._look_at, self.shown = subject.look_at, []

    def look_at(self, stimuli, number_of_trials=1):
        self.shown.append(len(stimuli))
        return self._look_at(stimuli, number_of_trials)


def recorded(subject, stimuli):
    subject.start_recording("IT", time_bins=[(70, 170)])
    parts = list(subject.stream_recording(stimuli, 1))
    assert [rows.start for rows, _ in parts] == sorted(rows.start for rows, _ in parts)
    return np.concatenate([part for _, part in parts])


def looked(subject, stimuli):
    subject.start_recording("IT", time_bins=[(70, 170)])
    with without_result_caching():
        responses = subject.look_at(stimuli, number_of_trials=1).transpose("presentation", "neuroid")
    order = {name: row for row, name in enumerate(responses["stimulus_id"].values)}
    return responses.values[[order[name] for name in stimuli["stimulus_id"]]]


@pytest.mark.parametrize("layers", ["1", "0", ["1", "3"]])
@pytest.mark.parametrize("batch_size", [64, 9])
def test_a_commitment_answers_the_same_bits_batch_by_batch(stimuli, layers, batch_size):
    subject = StreamedSubject(commitment(layers, batch_size=batch_size))
    assert subject.way == BATCHES and subject.visual_degrees() == 8
    np.testing.assert_array_equal(
        recorded(subject, stimuli), looked(commitment(layers, batch_size=batch_size), stimuli)
    )


def test_any_other_subject_looks_at_some_stimuli_at_a_time(stimuli):
    other = OnlyLooks(commitment())
    subject = StreamedSubject(other)
    assert subject.way == PIECES
    np.testing.assert_array_equal(recorded(subject, stimuli), looked(commitment(), stimuli))
    assert other.shown == [64, 6]


@needs_torchvision
@pytest.mark.parametrize("identifier", ["alexnet", "efficientnet_b0", "hk_model_1"])
def test_models_of_brainscores_plugins(stimuli, identifier, monkeypatch):
    import torchvision

    def untrained(name):
        make = getattr(torchvision.models, name)

        def made(*_, **__):  # whatever weights the plugin would fetch
            torch.manual_seed(0)
            return make(weights=None)

        monkeypatch.setattr(torchvision.models, name, made)

    for name in ("alexnet", "efficientnet_b0", "resnet50"):
        untrained(name)
    with without_pip():
        model = brainscore_vision.load_model(identifier)
    model.activations_model._extractor._batch_size = 4  # 64 would take ten times as long
    few = stimuli.iloc[:5].copy()
    few.identifier, few.stimulus_paths = "few", stimuli.stimulus_paths
    assert way_of_recording(model) == BATCHES
    np.testing.assert_array_equal(recorded(StreamedSubject(model), few), looked(model, few))


def test_scores_equal_brainscores_own_path(stimuli):
    rng = np.random.default_rng(1)
    features = looked(commitment(), stimuli)
    responses = features[:, ::97] + rng.normal(0, 0.3, features[:, ::97].shape)
    metric = CrossRegressedCorrelation(
        pls_regression({"n_components": 10}), pearsonr_correlation(), {"splits": 2, "stratification_coord": None}
    )
    benchmark = neural_benchmark(metric, responses_assembly(stimuli, responses))
    expected = benchmark(commitment())
    for subject, way in ((commitment(), BATCHES), (OnlyLooks(commitment()), PIECES)):
        score = score_model(subject, benchmark, progress=False)
        assert score.attrs["recorded_by"] == way and score.attrs["compressed"]
        np.testing.assert_allclose(score.raw.raw.values, expected.raw.raw.values, atol=1e-6)
    hooked = commitment()
    hooked.activations_model.register_batch_activations_hook(lambda activations: activations)
    score = score_model(hooked, benchmark, progress=False)
    assert score.attrs["recorded_by"] == WHOLE and not score.attrs["compressed"]
    np.testing.assert_allclose(float(score), float(expected))


class Changes(OnlyLooks):
    """Answers each time bin with the features in an order of its own."""

    def look_at(self, stimuli, number_of_trials=1):
        responses = super().look_at(stimuli, number_of_trials).transpose("presentation", "neuroid", "time_bin")
        values = [np.roll(each, 11 * index, axis=1) for index, each in enumerate(np.moveaxis(responses.values, 2, 0))]
        return responses.copy(data=np.stack(values, axis=2))


class InDoublePrecision(OnlyLooks):
    """What Brain-Score then does in float32, it does in float64."""

    def look_at(self, stimuli, number_of_trials=1):
        return super().look_at(stimuli, number_of_trials).astype(np.float64)


class TimedNetwork(nn.Module):
    """Two steps of one layer, the second of them a mixture of the pixels in another place."""

    def __init__(self):
        super().__init__()
        self.step, self.head = nn.Identity(), nn.Flatten()

    def forward(self, x):
        x = torch.nn.functional.avg_pool2d(x, 2)
        return self.head(self.step(x) + self.step(x.roll(3, 2).square()))


def timed():
    extractor = ActivationsExtractor(TimedNetwork(), "timed", image_size=20, progress=False)
    return Subject("timed", extractor, {"IT": "step"}, time_steps={"IT": (70, 20, 2)})


@pytest.mark.parametrize(
    ("make", "way", "rows"),
    [
        (commitment, BATCHES, N),  # a network without time: three bins of one response
        (lambda: OnlyLooks(commitment()), PIECES, 3 * N),
        (lambda: Changes(commitment()), PIECES, 3 * N),
        (timed, STREAMED, 2 * N),
    ],
    ids=["one response", "looks", "looks and changes", "two steps"],
)
@pytest.mark.parametrize("regression", [pls_regression({"n_components": 10}), ridge_regression()])
def test_one_regression_of_several_time_bins(stimuli, make, way, rows, regression, monkeypatch):
    bins = [(70, 80), (80, 90), (90, 100)]
    rng = np.random.default_rng(2)
    features = looked(commitment(), stimuli)[:, ::97]
    target = responses_assembly(stimuli, features, bins)
    target = target.copy(data=target.values + rng.normal(0, 0.3, target.shape))
    target.attrs["stimulus_set"] = stimuli
    metric = SpanTimeCrossRegressedCorrelation(
        regression, pearsonr_correlation(), crossvalidation_kwargs={"splits": 2, "stratification_coord": None}
    )
    benchmark = neural_benchmark(metric, target)
    assert compressible(benchmark)
    recorded_rows = []
    plain = row_space.gram_matrices
    monkeypatch.setattr(
        row_space, "gram_matrices", lambda batches, n, **more: recorded_rows.append(n) or plain(batches, n, **more)
    )
    with without_result_caching():
        expected = benchmark(InDoublePrecision(make()))
    score = score_model(make(), benchmark, progress=False)
    assert score.attrs["recorded_by"] == way and score.attrs["compressed"] and recorded_rows == [rows]
    assert score.raw.raw.dims == expected.raw.raw.dims and "time_bin" in score.raw.raw.dims
    np.testing.assert_allclose(score.raw.raw.values, expected.raw.raw.values, atol=1e-8)
    np.testing.assert_allclose(score.values, expected.values, atol=1e-8)


def test_layers_of_a_commitment_are_chosen_in_one_pass(stimuli, monkeypatch):
    """Among those that it names or the user's, as if the commitment had each for its region."""
    target = responses_assembly(stimuli, looked(commitment("0"), stimuli)[:, ::97])
    metric = CrossRegressedCorrelation(
        ridge_regression(), pearsonr_correlation(), crossvalidation_kwargs={"splits": 2, "stratification_coord": None}
    )
    benchmark = neural_benchmark(metric, target)
    shown = []
    network, asked = commitment("3"), ["1", "0", "3", "logits"]
    network.activations_model._model.register_forward_hook(lambda _, given, __: shown.append(len(given[0])))
    choice = choose_layers(network, benchmark, asked, progress=False)
    assert shown == [64, 64]  # Brain-Score fills up the last batch
    for layer in asked:
        alone = score_model(commitment(layer), benchmark, progress=False)
        assert choice.scores.loc[layer, "score"] == float(alone)  # to the bit
    assert choice.region_layer_map == {"IT": choice.scores["raw"].idxmax()} and choice.scores.loc["3", "n_units"] == 30
    assert list(choose_layers(commitment("3"), benchmark, progress=False).scores.index) == ["1"]

    with pytest.raises(ValueError, match="no layer '7' in Writes; nearest: "):
        choose_layers(commitment(), benchmark, ["7"], progress=False)
    with pytest.raises(ValueError, match="recorded by its own look_at, some stimuli at a time; its layers are"):
        choose_layers(OnlyLooks(commitment()), benchmark, progress=False)
    with pytest.raises(ValueError, match="trials cannot be set on a ready-made BrainModel"):
        choose_layers(commitment(), benchmark, trials=3, progress=False)


def test_layers_are_not_chosen_on_several_time_bins(stimuli):
    bins = [(70, 80), (80, 90)]
    metric = SpanTimeCrossRegressedCorrelation(ridge_regression(), pearsonr_correlation())
    benchmark = neural_benchmark(metric, responses_assembly(stimuli, np.ones((N, 3)), bins))
    with pytest.raises(ValueError, match=r"on a benchmark of one time bin; made\.IT-metric has 2"):
        choose_layers(commitment(), benchmark, progress=False)


def test_a_stream_of_one_time_bin_refuses_several(stimuli):
    subject = StreamedSubject(OnlyLooks(commitment()))
    subject.start_recording("IT", time_bins=[(70, 80), (80, 90)])
    with pytest.raises(ValueError, match="only looks answers in 2 time bins, not in one"):
        next(subject.stream_recording(stimuli))


def test_what_sees_more_than_a_batch_is_recorded_whole():
    with_pca = commitment()
    hook = LayerPCA(with_pca.activations_model._extractor, n_components=5)
    with_pca.activations_model.register_batch_activations_hook(hook)
    moving = commitment()
    moving.activations_model._extractor._microsaccade_helper.number_of_trials = 5
    for subject in (with_pca, moving):
        assert way_of_recording(subject) == WHOLE
        with pytest.raises(ValueError, match="writes is recorded by its own look_at, all stimuli at once"):
            StreamedSubject(subject)

    class Other(ModelCommitment):
        """May do anything."""

    wrapper = PytorchWrapper(Writes(), preprocessing, identifier="writes")
    other = Other("writes", wrapper, layers=["1"], region_layer_map={"IT": "1"})
    assert way_of_recording(other) == PIECES


def test_our_own_subjects_stream_by_themselves():
    from tiny_networks import tiny_vonenet

    from vonenet_brainscore.recordings.loading import load_subject

    assert way_of_recording(load_subject(tiny_vonenet(), progress=False)) == STREAMED


def test_responses_that_do_not_match_the_stimuli_are_refused(stimuli):
    class Doubles(OnlyLooks):
        def look_at(self, stimuli, number_of_trials=1):
            responses = super().look_at(stimuli, number_of_trials)
            return responses[{"presentation": [0, 0, *range(1, len(stimuli))]}]

    with pytest.raises(ValueError, match="answers 64 stimuli with 65 presentations of 64; one of each is expected"):
        recorded(StreamedSubject(Doubles(commitment())), stimuli)
