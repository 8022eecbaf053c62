"""`v1_properties` and `tuning_curves` of small models, end to end."""

import socket
import urllib.error
from contextlib import contextmanager

import numpy as np
import pytest
import torch
import xarray as xr
from brainio_format import registered
from few_gratings import show_few_gratings
from property_format import write_texture_properties
from tiny_networks import PlainNetwork, tiny_vonenet

from vonenet_brainscore.benchmarks import storage
from vonenet_brainscore.benchmarks.storage import MissingDataError
from vonenet_brainscore.physiology import _warn_of_nothing, tuning_curves, v1_properties
from vonenet_brainscore.primates.property_table import TEXTURE_STIMULI, V1_BENCHMARKS, V1_PROPERTIES
from vonenet_brainscore.recordings.activations import ActivationsExtractor
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.scoring import score_model

QUIET = {"noise": "none", "progress": False}


@pytest.fixture(autouse=True)
def no_data(tmp_path, monkeypatch):
    def refused(*_, **__):
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(storage.urllib.request, "urlopen", refused)
    with registered(tmp_path / "nothing"):
        yield


@pytest.fixture
def few_gratings(monkeypatch):
    """Whole screens are slow."""
    show_few_gratings(monkeypatch)


def small(**changes):
    return tiny_vonenet(noise_mode=None, simple_channels=16, complex_channels=16, **changes)


class Convolution(torch.nn.Module):
    """Rectified oriented differences over 64 x 64 places: a layer of a network without a VOneBlock."""

    def __init__(self):
        super().__init__()
        kernels = torch.zeros(4, 3, 9, 9)
        kernels[0, :, :4], kernels[0, :, 5:] = 1, -1
        kernels[1, :, :, :4], kernels[1, :, :, 5:] = 1, -1
        kernels[2:] = -kernels[:2]
        self.conv = torch.nn.Conv2d(3, 4, 9, stride=3, padding=4, bias=False)
        self.conv.weight = torch.nn.Parameter(kernels)
        self.relu = torch.nn.ReLU()
        self.head = torch.nn.Flatten()

    def forward(self, x):
        return self.head(self.relu(self.conv(x)))


@contextmanager
def undefined(*names):
    """Within the context it must be said of these properties, and of no others, that no cell has them."""
    with pytest.warns(UserWarning, match="has no finite value") as told:
        yield
    assert sorted(str(each.message).split()[0] for each in told) == sorted(names)


# ---- flow


def test_properties_are_those_that_are_scored(tmp_path):
    with undefined("grating_summation_field", "surround_diameter"):
        dataset = v1_properties(small(), curves=True, **QUIET)
    with pytest.warns(UserWarning, match="(summation_field|surround_diameter) could not be scored") as told:
        scores = score_model(small(), "V1-properties", cache=False, **QUIET)
    assert len(told) == 2
    assert dataset["value"].dims == dataset["responsive"].dims == ("neuroid", "property")
    for identifier, score in scores.items():
        one = dataset.sel(property=V1_BENCHMARKS[identifier].name)
        assert str(one["benchmark"].values) == identifier
        if np.isnan(float(score)):
            assert one["value"][one["responsive"]].isnull().all()
            continue
        np.testing.assert_array_equal(one["value"][one["responsive"]], score.attrs["model_values"])
        assert (one["n_responsive"], one["n_undefined"]) == (score.attrs["n_units"], score.attrs["n_undefined"])
    assert dataset.attrs["noise"] == "none" and dataset.attrs["layer"] == "vone_block"
    assert dataset.sizes["property"] == 15
    assert dataset.attrs["not_measured"].startswith("texture_modulation_index, absolute")
    np.testing.assert_array_equal(dataset["f0"], dataset["value"].sel(property="max_dc"))
    assert {"cell_type", "gabor_orientation", "measured_receptive_field_x"} <= set(dataset.coords)
    dataset.to_netcdf(tmp_path / "properties.nc")
    assert xr.load_dataset(tmp_path / "properties.nc").identical(dataset)


def test_textures_are_measured_where_their_stimuli_are(tmp_path):
    with registered(tmp_path, write_texture_properties(tmp_path)):
        with undefined("grating_summation_field", "surround_diameter"):
            dataset = v1_properties(small(), **QUIET)
        assert list(dataset["property"].values) == list(V1_PROPERTIES)
    assert "not_measured" not in dataset.attrs
    on_textures = [name for name, row in V1_PROPERTIES.items() if row.experiment.stimuli == TEXTURE_STIMULI]
    texture = dataset.sel(property=on_textures)
    assert len(on_textures) == 7
    assert texture["responsive"].any() and np.isfinite(texture["value"].where(texture["responsive"])).any()


def test_a_layer_of_any_network_is_measured_on_whole_screens(few_gratings):
    without = ("bandwidth", "circular_variance_bandwidth_ratio", "grating_summation_field", "surround_diameter")
    with undefined(*without):
        dataset = v1_properties(Convolution(), "relu", progress=False)
    assert set(dataset["channel"].values) == {0, 1, 2, 3}
    tuned = dataset.sel(property="circular_variance")["value"].where(dataset["channel"] == 0, drop=True)
    assert (tuned < 0.9).all()
    curves = tuning_curves(Convolution(), [0], "relu", progress=False)
    rising = curves["contrast_tuning"].values[0]
    assert (np.diff(rising) > 0).all()
    # A linear unit; the screen has 8 bits, so that faint gratings are a little off.
    np.testing.assert_allclose(rising[-1] - rising[0], (rising[-2] - rising[0]) * 31 / 15, rtol=0.05)


def test_a_subject_that_only_looks_at_files_is_measured_alike(few_gratings):
    subject = load_subject(Convolution(), region_layer_map={"V1": "relu"}, progress=False)

    class OnlyLooks:
        identifier = "made elsewhere"
        visual_degrees, start_recording, look_at = subject.visual_degrees, subject.start_recording, subject.look_at

    names = ["circular_variance", "max_dc"]
    dataset = v1_properties(OnlyLooks(), properties=names, progress=False)
    streamed = v1_properties(Convolution(), "relu", properties=names, progress=False)
    np.testing.assert_array_equal(dataset["value"], streamed["value"])
    assert dataset.attrs == {"model": "made elsewhere", "seed": 0}


def test_curves_of_chosen_units_with_noise(few_gratings):
    curves = tuning_curves(tiny_vonenet(), [5, 2], trials=2, seed=3, progress=False)
    again = tuning_curves(tiny_vonenet(), [5, 2], trials=2, seed=3, progress=False)
    assert curves.identical(again) and list(curves["neuroid"].values) == [5, 2]
    assert curves.attrs["trials"] == 2 and curves.attrs["seed"] == 3
    other = tuning_curves(tiny_vonenet(), [5, 2], trials=2, seed=4, progress=False)
    assert not np.array_equal(other["contrast_tuning"], curves["contrast_tuning"])


# ---- what cannot be measured


def test_a_property_without_a_finite_value_warns_and_stays_nan(few_gratings):
    with pytest.warns(UserWarning, match=r"surround_diameter has no finite value: of (\d+) probed neuroids \1 respond"):
        dataset = v1_properties(Convolution(), "relu", properties=["surround_diameter"], progress=False)
    assert dataset["value"].isnull().all()
    assert dataset["n_undefined"] == dataset["n_responsive"] == dataset.sizes["neuroid"]


def test_units_too_weak_to_respond_are_told_from_undefined_ones():
    with pytest.warns(UserWarning, match="of 3 probed neuroids 0 respond, and it is undefined for want of any"):
        _warn_of_nothing(["max_dc"], np.zeros((3, 1), bool), np.zeros((3, 1), bool))


def test_a_layer_that_never_responds_is_refused(few_gratings):
    silent = Convolution()
    silent.conv.weight.data.zero_()
    with pytest.raises(ValueError, match=r"none of (\d+) neuroids of Convolution .* \1 never respond"):
        v1_properties(silent, "relu", progress=False)


def test_a_layer_without_tuning_is_refused_before_the_work(monkeypatch):
    shown = []
    stream = ActivationsExtractor.stream

    def counted(self, images, *args, **settings):
        shown.extend(images)
        return stream(self, images, *args, **settings)

    monkeypatch.setattr(ActivationsExtractor, "stream", counted)
    refusal = r"none of \d+ neuroids of Sequential prefers an orientation or a spatial"
    with pytest.raises(ValueError, match=refusal):
        v1_properties(torch.nn.Sequential(torch.nn.Identity()), "0", progress=False)
    assert not shown  # a layer that sees pixels alone is computed from crops
    whole = torch.nn.Sequential(torch.nn.Unflatten(1, (1, 3)), torch.nn.Flatten(1, 2))
    with pytest.raises(ValueError, match=refusal):
        v1_properties(whole, "1", progress=False)
    assert len(shown) == 65  # the blank and 64 gratings


def test_constant_responses_are_refused(few_gratings):
    constant = Convolution()
    constant.conv.weight.data.zero_()
    constant.conv.bias = torch.nn.Parameter(torch.full((4,), 3.0))
    with pytest.raises(ValueError, match=r"none of (\d+) neuroids .* \1 never respond .*\(\1 answer them all alike\)"):
        v1_properties(constant, "relu", progress=False)


def test_unknown_properties_layers_and_missing_stimuli_are_refused():
    with pytest.raises(ValueError, match="unknown property 'bandwith'; have preferred_orientation"):
        v1_properties(small(), properties=["bandwith"], **QUIET)
    with pytest.raises(ValueError, match=r"one or more names, each once, not \[\]"):
        v1_properties(small(), properties=[], **QUIET)
    with pytest.raises(ValueError, match="no layer 'rellu' in PlainNetwork; nearest: relu"):
        v1_properties(PlainNetwork(), "rellu", progress=False)
    with pytest.raises(MissingDataError, match="FreemanZiemba2013_properties"):
        v1_properties(small(), properties=["max_noise"], **QUIET)
