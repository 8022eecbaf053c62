"""The subject keeps Brain-Score's conventions, with trials that are real and time that CORnet-S has."""

import numpy as np
import pytest
from made_benchmarks import neural_benchmark, responses_assembly
from PIL import Image
from tiny_networks import PlainNetwork, RecurrentNetwork, tiny_vonenet

from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.subject import Subject


@pytest.fixture
def stimuli(tmp_path):
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    random = np.random.default_rng(0)
    names = ["one", "two", "three"]
    for name in names:
        Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    stimuli = StimulusSet({"stimulus_id": names})
    stimuli.stimulus_paths = {name: tmp_path / f"{name}.png" for name in names}
    stimuli.identifier = "three-images"
    return stimuli


def subject(network, regions, **settings):
    extractor = ActivationsExtractor(network, "tiny", image_size=64, batch_size=3, progress=False)
    return Subject("tiny", extractor, regions, **settings)


@pytest.mark.parametrize("time_bins", [[(50, 200)], [(50, 100), (100, 200)]])
def test_static_recordings_equal_brainscores_temporal_alignment(stimuli, time_bins):
    from brainscore_vision.model_helpers.brain_transformation.neural import LayerMappedModel
    from brainscore_vision.model_helpers.brain_transformation.temporal import TemporalAligned

    ours = subject(PlainNetwork().eval(), {"V1": "relu"})
    extractor = ActivationsExtractor(PlainNetwork().eval(), "tiny", image_size=64, batch_size=3, progress=False)
    theirs = TemporalAligned(LayerMappedModel("tiny", extractor, {"V1": "relu"}))
    for each in (ours, theirs):
        each.start_recording("V1", time_bins=time_bins)
    expected, recorded = theirs.look_at(stimuli), ours.look_at(stimuli)
    assert recorded.dims == expected.dims
    np.testing.assert_array_equal(recorded.values, expected.values)
    for name in ("stimulus_id", "neuroid_id", "region", "layer"):
        np.testing.assert_array_equal(recorded[name].values, expected[name].values)
    if "time_bin" in expected.dims:
        for name in ("time_bin_start", "time_bin_end"):
            np.testing.assert_array_equal(recorded[name].values, expected[name].values)


def test_trials_are_real_and_reproducible(stimuli):
    noisy = subject(tiny_vonenet(), {"V1": "vone_block"})
    noisy.start_recording("V1")
    one, two, twenty = (noisy.look_at(stimuli, number_of_trials=trials).values for trials in (1, 2, 20))
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(noisy.look_at(stimuli, number_of_trials=2).values, two)
    with noisy.extractor.noise_off():
        silent = noisy.look_at(stimuli, number_of_trials=20).values
    errors = [np.abs(recorded - silent)[silent > 1].mean() for recorded in (one, two, twenty)]
    assert errors[0] > errors[1] > errors[2]
    apart = noisy.look_at(stimuli, number_of_trials=2, require_variance=True)
    np.testing.assert_allclose(apart.values.reshape(3, 2, -1).mean(axis=1), two, rtol=1e-4, atol=1e-5)


def test_a_stream_is_what_look_at_returns(stimuli):
    noisy = subject(tiny_vonenet(), {"V1": "vone_block"})
    noisy.start_recording("V1", time_bins=[(70, 170)])
    whole = noisy.look_at(stimuli, number_of_trials=3).values
    for rows, responses in noisy.stream_recording(stimuli, number_of_trials=3):
        np.testing.assert_array_equal(responses, whole[rows])
    noisy.start_recording("V1", time_bins=[(0, 10), (10, 20)])
    with pytest.raises(ValueError, match="one time window, 2 are being recorded"):
        next(noisy.stream_recording(stimuli))


def test_time_steps_serve_the_nearest_window(stimuli):
    steps = {"V4": (90, 50, 3)}  # 90, 140 and 190 ms
    recurrent = subject(RecurrentNetwork(), {"V4": "step"}, time_steps=steps)
    recurrent.start_recording("V4", time_bins=[(50, 200)])
    first = recurrent.look_at(stimuli)
    assert first.dims == ("presentation", "neuroid")
    recurrent.start_recording("V4", time_bins=[(70, 170), (115, 150), (141, 200), (400, 500)])
    windows = recurrent.look_at(stimuli)
    assert windows.dims == ("presentation", "neuroid", "time_bin")
    for window, step in enumerate([0, 0, 1, 2]):  # 115 is as near to 90 as to 140: the earlier one serves
        np.testing.assert_allclose(windows.values[..., window], first.values + step, rtol=1e-6)


def test_a_recurrent_layer_without_times_is_refused(stimuli):
    recurrent = subject(RecurrentNetwork(), {"V4": "step"})
    recurrent.start_recording("V4")
    with pytest.raises(ValueError, match="'step' of tiny is called 3 times a stimulus"):
        recurrent.look_at(stimuli)


def test_time_bins_as_brainscores_benchmarks_hand_them_over():
    bin_in_array = np.empty((), object)
    bin_in_array[()] = (50, 200)
    static = subject(PlainNetwork(), {"V1": "relu"})
    static.start_recording("V1", time_bins=[bin_in_array])
    assert static.time_bins == [(50, 200)]


def test_what_lies_behind_the_front_end_asks_for_the_trained_network(stimuli):
    network = tiny_vonenet(noise_mode=None)
    front_end = tiny_vonenet(noise_mode=None)
    front_end.model = front_end.bottleneck = None
    asked = []

    def load_trained():
        asked.append(1)
        return network, "trained for the test"

    regions = {"V1": "vone_block", "IT": "model.1"}
    lazy = subject(front_end, regions, load_trained=load_trained, weights="front end", architecture=network)
    for name in stimuli["stimulus_id"]:
        Image.open(stimuli.get_stimulus(name)).convert("L").save(stimuli.get_stimulus(name))
    lazy.start_recording("V1")
    grey = lazy.look_at(stimuli)
    assert not asked and lazy.weights == "front end"
    lazy.start_recording("IT")
    assert asked and lazy.weights == "trained for the test"
    assert lazy.look_at(stimuli).shape == (3, 8 * 16 * 16)
    lazy.start_recording("V1")
    np.testing.assert_array_equal(lazy.look_at(stimuli).values, grey.values)
    assert lazy.weights == "front end" and lazy.extractor.network is front_end
    lazy.start_recording("IT")
    assert lazy.extractor.network is network and len(asked) == 1


def test_colour_asks_for_the_trained_network(stimuli):
    network = tiny_vonenet()

    def load_trained():
        return network, "trained"

    lazy = subject(tiny_vonenet(), {"V1": "vone_block"}, load_trained=load_trained)
    lazy.start_recording("V1")
    assert sum(len(responses) for _, responses in lazy.stream_recording(stimuli)) == 3  # none twice
    assert lazy.weights == "trained" and lazy.extractor.network is network
    lazy.start_recording("V1")  # another benchmark's bits are not to depend on this one's colours
    assert lazy.weights == "as given" and lazy.extractor.network is not network


def test_tasks_are_brainscores(tmp_path, stimuli):
    from brainscore_vision.model_interface import BrainModel
    from torch import nn

    network = tiny_vonenet(noise_mode=None)
    network.model[4] = nn.Linear(32, 1000)
    doing = subject(network, {"V1": "vone_block"}, readout_layer="model.3")
    doing.start_task(BrainModel.Task.label, "imagenet")
    labels = doing.look_at(stimuli)
    assert labels.shape == (1, 3) and all(label.startswith("n") for label in labels.values[0])
    fitting = stimuli.copy()
    fitting.stimulus_paths, fitting.identifier = stimuli.stimulus_paths, "fitting"
    fitting["image_label"] = ["cat", "dog", "cat"]
    doing.start_task(BrainModel.Task.probabilities, fitting)
    probabilities = doing.look_at(stimuli)
    np.testing.assert_allclose(probabilities.sum("choice"), 1)
    doing.start_recording("V1")
    assert doing.look_at(stimuli).dims == ("presentation", "neuroid")


def test_recordings_name_the_region_and_generators_last(stimuli):
    both = subject(tiny_vonenet(noise_mode=None), {"V1": "vone_block", "IT": "model.1"})
    paths = [stimuli.get_stimulus(name) for name in stimuli["stimulus_id"]]
    recorded = both.record((path for path in paths), ["vone_block", "model.2"])
    assert recorded.shape[0] == 3
    assert set(recorded["region"].values[recorded["layer"].values == "vone_block"]) == {"V1"}
    assert set(recorded["region"].values[recorded["layer"].values == "model.2"]) == {""}


def test_brainscores_memory_check_counts_the_features(stimuli):
    from brainscore_vision.benchmark_helpers.memory import preallocate_memory

    stimuli["object_name"] = "a thing"
    benchmark = neural_benchmark(None, responses_assembly(stimuli, np.zeros((3, 2))))
    noisy = subject(tiny_vonenet(), {"IT": "vone_block"})
    estimate = preallocate_memory(noisy, benchmark)
    noisy.start_recording("IT")
    assert estimate.num_features == noisy.count_features() > 1000


def test_a_layers_own_time_steps_serve_it_wherever_it_stands(stimuli):
    recurrent = subject(RecurrentNetwork(), {"V2": "step", "IT": "last"}, time_steps={"V2": (70, 100, 2)})
    recurrent.start_recording("IT", time_bins=[(180, 200)])
    ((_, responses),) = recurrent.stream_layers(stimuli, ["step", "last"])
    np.testing.assert_allclose(responses["step"] + 1, responses["last"], rtol=1e-6)  # the second of three steps


def test_refusals():
    with pytest.raises(ValueError, match="region_layer_map is empty"):
        subject(PlainNetwork(), {})
    static = subject(PlainNetwork(), {"V1": "relu"})
    with pytest.raises(ValueError, match=r"no layer of tiny represents 'IT'; have V1\. Name one"):
        static.start_recording("IT")
    with pytest.raises(ValueError, match="call start_recording first"):
        static.look_at([])


def test_colour_without_a_checkpoint_is_named_with_its_pixel(stimuli):
    from vonenet_brainscore.stimuli.images import OnScreen

    def load_trained():
        raise FileNotFoundError("no weights at ~/.vonenet; fetch them")

    pixels = np.full((64, 64, 3), 90, np.uint8)
    Image.fromarray(pixels).save(stimuli.get_stimulus("one"))
    Image.fromarray(pixels).save(stimuli.get_stimulus("three"))
    pixels[5, 7] = (90, 91, 90)
    tinted = stimuli.get_stimulus("two")
    Image.fromarray(pixels).save(tinted)
    lazy = subject(tiny_vonenet(), {"V1": "vone_block"}, load_trained=load_trained)
    lazy.start_recording("V1")
    message = (
        r"two\.png is not grey: its pixel in row 5, column 7 \(from 0\) has RGB 90, 91, 90\. Each filter of "
        r"the VOneBlock sees one colour channel, and only the released checkpoint says which one.*\. no weights at"
    )
    for shown in (tinted, OnScreen(tinted, 2.0), OnScreen(tinted, 0.9)):
        stimuli.stimulus_paths["two"] = shown
        with pytest.raises(FileNotFoundError, match=message):
            lazy.look_at(stimuli)
    stimuli.stimulus_paths["two"] = OnScreen(tinted, 0.5)  # the colour is cut off
    assert len(lazy.look_at(stimuli)) == 3


def test_a_region_in_the_wrong_letters_is_answered_with_the_right_ones():
    with pytest.raises(ValueError, match=r"tiny has no region 'v1'; did you mean 'V1'\?"):
        subject(tiny_vonenet(), {"V1": "vone_block"}).start_recording("v1")
