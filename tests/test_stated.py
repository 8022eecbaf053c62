"""`stated`: what responses say of the experiment is read under each of its names, and refused where it is unclear."""

import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr
from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly

from vonenet_brainscore.own_recordings.response_files import read_responses
from vonenet_brainscore.own_recordings.stated import DEGREES, REGIONS, STIMULUS_SET, checked_statements

VALUES = np.arange(12.0).reshape(4, 3)
STIMULI = ["a", "b", "c", "d"]


def in_array(tmp_path, **statements):
    return xr.DataArray(VALUES, dims=("stimulus", "neuron"), coords={"stimulus": STIMULI}, attrs=statements)


def in_mat(tmp_path, **statements):
    scipy.io.savemat(tmp_path / "r.mat", {"responses": VALUES, "stimuli": STIMULI, **statements})
    return tmp_path / "r.mat"


def in_table(tmp_path, **statements):
    return pd.DataFrame(VALUES, columns=["n1", "n2", "n3"]).assign(stimulus=STIMULI, **statements)


SOURCES = [in_array, in_mat, in_table]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", DEGREES)
def test_degrees_by_every_name(source, name, tmp_path):
    assert read_responses(source(tmp_path, **{name: 4.0})).stated == {"visual_degrees": 4.0}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", STIMULUS_SET)
def test_the_stimulus_set_by_every_name(source, name, tmp_path):
    assert read_responses(source(tmp_path, **{name: "theirs"})).stated == {"stimulus_set": "theirs"}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("name", REGIONS)
def test_regions_by_every_name(source, name, tmp_path):
    responses = read_responses(source(tmp_path, **{name: "V2"}))
    assert responses.regions == ("V2",) * 3
    with pytest.raises(ValueError, match=r"the responses are from 'V2', none from 'V1'\. .* region_in_file=NAME"):
        responses.of_region("V1")
    with pytest.raises(ValueError, match=r"none from 'v2'; did you mean 'V2'\? .* region_in_file='V2'"):
        responses.of_region("v2")


@pytest.mark.parametrize("source", SOURCES)
def test_start_and_end_of_the_time_bin(source, tmp_path):
    responses = read_responses(source(tmp_path, time_bin_start=70, time_bin_end=170))
    assert responses.stated == {"time_bin": (70.0, 170.0)}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "statements, message",
    [
        ({"degrees": -4.0}, "'degrees' = -4; it is the width of an image, between 0 and 180 degrees"),
        ({"degrees": 180.0}, "'degrees' = 180; it is the width"),
        ({"degrees": np.nan}, "'degrees', but its value is missing or infinite in some places"),
        ({"degrees": "4 deg"}, "'degrees' = '4 deg', which is not a number"),
        ({"degrees": 4.0, "visual_degrees": 8.0}, "'visual_degrees' = 8.0 and 'degrees' = 4.0, which contradict each"),
        ({"time_bin_start": 50}, "'time_bin_start' alone; a time bin has time_bin_start and time_bin_end"),
        ({"time_bin_start": 200, "time_bin_end": 50}, "= 200 to 50; a time bin is a start and a later end"),
    ],
)
def test_what_is_unclear_is_refused(source, statements, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        read_responses(source(tmp_path, **statements))


@pytest.mark.parametrize("ends", [(50, 100, 200), (50,), (50, np.inf)])
def test_a_time_bin_has_two_ends(ends):
    with pytest.raises(ValueError, match="a time bin is a start and a later end, in ms"):
        checked_statements({"time_bin": ends})


def test_several_stimulus_sets_are_refused():
    with pytest.raises(ValueError, match="'stimulus_set', 'one', 'two'; select the responses with one value"):
        checked_statements({"stimulus_set": ["one", "two", "one"]})


def test_a_region_for_each_stimulus_is_refused():
    array = in_array(None).assign_coords(area=("stimulus", ["V1", "V1", "V2", "V2"]))
    with pytest.raises(
        ValueError, match="'area' is given along stimulus; a region belongs to a neuron, along 'neuron'"
    ):
        read_responses(array)


@pytest.mark.parametrize("kind", [xr.DataArray, NeuronRecordingAssembly])
def test_the_one_time_bin_of_an_assembly_is_read(kind):
    """Its start and end lie along a dimension of one entry, which the responses lose."""
    ends = {"time_bin_start": ("time_bin", [70]), "time_bin_end": ("time_bin", [170])}
    names = {"stimulus_id": ("presentation", STIMULI), "neuroid_id": ("neuroid", ["u", "v", "w"])}
    array = kind(VALUES[..., None], coords={**names, **ends}, dims=("presentation", "neuroid", "time_bin"))
    for time_bin in (None, (50, 200)):  # what the caller says is compared with it by `neural_benchmark`
        assert read_responses(array, time_bin=time_bin).stated == {"time_bin": (70.0, 170.0)}


def test_coordinates_and_attributes_that_are_not_used_are_told():
    array = in_array(None, animal="m1", units="spikes/s").assign_coords(snr=("neuron", [1.0, 2, 3]))
    assert read_responses(array).notes == ("snr, animal in the file are not used",)
