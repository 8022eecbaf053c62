"""Tests of a packaged VOneNet; they become the plugin's `test.py`, which Brain-Score runs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
from brainscore_vision import load_model
from brainscore_vision.model_interface import BrainModel
from PIL import Image


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return json.loads((Path(__file__).parent / "submission.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def noisy() -> bool:
    front_end = json.loads((Path(__file__).parent / "front_end.json").read_text(encoding="utf-8"))
    return front_end["settings"]["noise_mode"] is not None


@pytest.fixture(scope="module")
def subject(record: dict[str, Any]) -> BrainModel:
    return load_model(record["identifier"])


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory: pytest.TempPathFactory) -> StimulusSet:
    """A grey image and two with colour, of several sizes and formats."""
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    shapes = {"grey.png": (224, 224), "colour.png": (100, 150, 3), "photograph.jpg": (300, 200, 3)}
    for name, shape in shapes.items():
        Image.fromarray(random.integers(0, 256, shape, dtype=np.uint8)).save(folder / name)
    stimuli = StimulusSet({"stimulus_id": list(shapes)})
    stimuli.stimulus_paths = {name: folder / name for name in shapes}
    stimuli.identifier = "three-images"
    return stimuli


def test_identifier_and_field(record: dict[str, Any], subject: BrainModel) -> None:
    assert subject.identifier == record["identifier"]
    assert subject.visual_degrees() == record["visual_degrees"]


def test_v1(record: dict[str, Any], noisy: bool, subject: BrainModel, stimuli: StimulusSet) -> None:
    subject.start_recording("V1", time_bins=[(50, 200)])
    responses = subject.look_at(stimuli, number_of_trials=2)
    assert responses.dims == ("presentation", "neuroid")
    assert list(responses["stimulus_id"].values) == list(stimuli["stimulus_id"])
    assert len(set(responses["neuroid_id"].values)) == responses.sizes["neuroid"]
    assert set(responses["region"].values) == {"V1"}
    assert set(responses["layer"].values) == {record["region_layer_map"]["V1"]}
    assert np.isfinite(responses.values).all()
    assert (responses.values.std(axis=1) > 0).all()
    assert len(np.unique(responses.values[:, ::1000], axis=0)) == 3  # no two images alike
    once = subject.look_at(stimuli, number_of_trials=1).values
    assert np.array_equal(once, responses.values) is not noisy  # trials are fresh draws of the noise, if there is any


def test_every_region_answers_or_refuses(record: dict[str, Any], subject: BrainModel, stimuli: StimulusSet) -> None:
    for region in ("V2", "V4", "IT"):
        if region not in record["region_layer_map"]:
            with pytest.raises(ValueError, match="represents"):
                subject.start_recording(region, time_bins=[(70, 170)])
            continue
        subject.start_recording(region, time_bins=[(70, 170)])
        responses = subject.look_at(stimuli, number_of_trials=1)
        assert responses.shape[0] == 3
        assert len(set(responses["neuroid_id"].values)) == responses.sizes["neuroid"]
        assert np.isfinite(responses.values).all()


def test_tasks(record: dict[str, Any], subject: BrainModel, stimuli: StimulusSet) -> None:
    if record["model_arch"] is None:
        with pytest.raises(ValueError, match="without a back end"):
            subject.start_task(subject.Task.label, "imagenet")
        return
    subject.start_task(subject.Task.label, "imagenet")
    assert subject.look_at(stimuli).size == 3
