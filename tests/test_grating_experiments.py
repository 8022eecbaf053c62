"""A subject probed with gratings: through the window and on whole screens alike."""

import numpy as np
import pandas as pd
import pytest
from tiny_networks import PlainNetwork, tiny_vonenet

from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark
from vonenet_brainscore.primates.property_table import V1_PROPERTIES
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.subject import Subject
from vonenet_brainscore.stimuli import gratings
from vonenet_brainscore.tuning import grating_experiments, screen_recorder, window_recorder
from vonenet_brainscore.tuning.grating_experiments import GratingExperiments
from vonenet_brainscore.tuning.grating_tuning import size_tuning

ON_GRATINGS = {
    name: row.experiment for name, row in V1_PROPERTIES.items() if row.experiment.stimuli in gratings.GRATING_SETS
}


def subject(network, layer, **settings):
    extractor = ActivationsExtractor(network, "tiny", image_size=64, progress=False, **settings)
    return Subject("tiny", extractor, {"V1": layer})


@pytest.fixture
def few_gratings(monkeypatch):
    """A seventh of the positions, half of the sizes and frequencies: whole screens are slow to draw and to save."""
    everything = gratings.grating_parameters

    def some(name):
        table = everything(name)
        if name == "receptive_field":
            near = table[["position_y", "position_x"]].isin([-0.75, -0.25, 0.25, 0.5, 0.75, 1.25]).all(axis=1)
            table = table[near]
        elif name == "size":
            table = table[table["radius"].isin(table["radius"].unique()[::3])]
        elif name == "spatial_frequency":
            table = table[table["spatial_frequency"].isin(table["spatial_frequency"].unique()[::5])]
        return table[table["orientation"].isin([0, 90]) | table["orientation"].isna()].reset_index(drop=True)

    for module in (gratings, grating_experiments, screen_recorder, window_recorder):
        monkeypatch.setattr(module, "grating_parameters", some)


def test_window_and_whole_screens_agree(few_gratings, monkeypatch):
    through_window = GratingExperiments(subject(tiny_vonenet(noise_mode=None), "vone_block"))
    network = tiny_vonenet(noise_mode=None)
    monkeypatch.setattr(grating_experiments, "WindowRecorder", None)  # must not be used by the second
    monkeypatch.setattr(
        grating_experiments, "_recorder_for", lambda subject: grating_experiments.ScreenRecorder(subject)
    )
    on_screen = GratingExperiments(subject(network, "vone_block"))
    for name in ("channel", "channel_x", "channel_y"):
        np.testing.assert_array_equal(through_window.neuroids[name], on_screen.neuroids[name])
    for name in ("blank", "orientation", "spatial_frequency", "size"):
        # float32 convolutions of other sizes
        np.testing.assert_allclose(through_window.responses(name), on_screen.responses(name), rtol=1e-4, atol=1e-4)
    ours, theirs = (each.properties("size", size_tuning) for each in (through_window, on_screen))
    np.testing.assert_allclose(ours["surround_suppression_index"], theirs["surround_suppression_index"], atol=1e-5)


def test_one_line_of_progress_for_each_experiment_on_screens(few_gratings, monkeypatch, capsys):
    """Not one for each part, of which there are dozens."""
    monkeypatch.setattr(screen_recorder, "_SCREENS_AT_A_TIME", 16)
    looked = subject(tiny_vonenet(noise_mode=None), "vone_block")
    looked.extractor.progress = True
    looked.start_recording("V1", [(50, 200)])
    recorder = screen_recorder.ScreenRecorder(looked)
    recorder.record("orientation", 1)
    shown = capsys.readouterr().err
    gratings_shown = len(gratings.grating_parameters("orientation"))
    assert gratings_shown > 32 and f"orientation: 100% {gratings_shown}/{gratings_shown}" in shown
    assert "recording" not in shown and shown.count("orientation:") <= 3 and looked.extractor.progress
    looked.extractor.progress = False
    recorder.record("orientation", 1)
    assert capsys.readouterr().err == ""


def test_every_property_for_every_probed_neuroid():
    experiments = GratingExperiments(subject(tiny_vonenet(), "vone_block", trials=2))
    for name, experiment in ON_GRATINGS.items():
        properties = experiments.properties(experiment.stimuli, experiment.analysis)
        assert isinstance(properties, pd.DataFrame) and len(properties) == len(experiments.neuroids)
        assert properties["responsive"].any() and name in properties
    assert np.median(experiments.rates("blank")) < 5


def test_each_set_is_shown_once(monkeypatch):
    shown = []
    record = window_recorder.WindowRecorder.record
    monkeypatch.setattr(
        window_recorder.WindowRecorder,
        "record",
        lambda self, name, trials: shown.append(name) or record(self, name, trials),
    )
    experiments = GratingExperiments(subject(tiny_vonenet(noise_mode=None), "vone_block"))
    for experiment in ON_GRATINGS.values():
        experiments.properties(experiment.stimuli, experiment.analysis)
    assert sorted(shown) == ["blank", "orientation", "size", "spatial_frequency"]


def test_what_was_recorded_meanwhile_does_not_matter(few_gratings):
    benchmark = V1PropertyBenchmark("Marques2020_DeValois1982-pref_or", seed=0)
    extractor = ActivationsExtractor(PlainNetwork(), "tiny", image_size=64, progress=False)
    alone = benchmark.measure(GratingExperiments(Subject("tiny", extractor, {"V1": "conv"})))
    both = Subject("tiny", extractor, {"V1": "conv", "IT": "head"})
    experiments = GratingExperiments(both)
    both.start_recording("IT")
    np.testing.assert_array_equal(benchmark.measure(experiments)["model_values"], alone["model_values"])


def test_refusals(few_gratings):
    silent = PlainNetwork()
    for weights in silent.conv.parameters():
        weights.data.zero_()
    with pytest.raises(ValueError, match=r"none of 54 neuroids of tiny .* 54 never respond"):
        len(GratingExperiments(subject(silent, "conv")).neuroids)
