"""Responses from arrays, tables and files: one population in every layout, and what is refused."""

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from vonenet_brainscore.own_recordings.response_files import read_responses

STIMULI = ("007", "b", "c", "d")
NEURONS = ("n1", "n2", "n3")


@pytest.fixture
def values():
    """(stimulus, neuron, repetition), one repetition missing."""
    values = np.random.default_rng(0).normal(size=(4, 3, 2))
    values[1, 2, 1] = np.nan
    return values


def long_table(values: np.ndarray) -> pd.DataFrame:
    """One response a row; a missing repetition has none."""
    rows = [
        {"stimulus": STIMULI[i], "neuron": NEURONS[j], "repetition": k, "response": values[i, j, k]}
        for i, j, k in np.ndindex(*values.shape)
        if np.isfinite(values[i, j, k])
    ]
    return pd.DataFrame(rows)


def wide_table(values: np.ndarray) -> pd.DataFrame:
    """One presentation a row, an empty cell for a missing repetition."""
    rows = [
        {"image": STIMULI[i], "trial": k, **dict(zip(NEURONS, values[i, :, k], strict=True))}
        for i in range(4)
        for k in range(2)
    ]
    return pd.DataFrame(rows)


def data_array(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(
        values.transpose(1, 2, 0),
        dims=("neuroid", "repetition", "presentation"),
        coords={"stimulus_id": ("presentation", list(STIMULI)), "neuroid_id": ("neuroid", list(NEURONS))},
    )


def assembly(values: np.ndarray):
    """As Brain-Score has recordings: presentations of (stimulus, repetition), one time bin."""
    from brainscore_core.supported_data_standards.brainio.assemblies import NeuronRecordingAssembly

    return NeuronRecordingAssembly(
        values.transpose(0, 2, 1).reshape(8, 3, 1),
        coords={
            "stimulus_id": ("presentation", np.repeat(STIMULI, 2)),
            "repetition": ("presentation", np.tile([0, 1], 4)),
            "neuroid_id": ("neuroid", list(NEURONS)),
            "region": ("neuroid", ["V1"] * 3),
            "time_bin_start": ("time_bin", [50]),
            "time_bin_end": ("time_bin", [200]),
        },
        dims=("presentation", "neuroid", "time_bin"),
    )


def cells(names):
    """A MATLAB cell array of text."""
    return np.array(names, dtype=object)[:, None]


def write_mat73(path: Path, values: np.ndarray) -> None:
    """As MATLAB writes version 7.3: HDF5, axes the other way round, text as references to character codes."""
    with h5py.File(path, "w") as file:
        file["responses"] = values.T
        for variable, names in (("stimuli", STIMULI), ("neurons", NEURONS)):
            references = np.empty((1, len(names)), dtype=h5py.ref_dtype)
            for column, name in enumerate(names):
                file[f"#refs#/{variable}{column}"] = np.array([[ord(letter)] for letter in name], dtype=np.uint16)
                references[0, column] = file[f"#refs#/{variable}{column}"].ref
            file[variable] = references


WRITERS = {
    "long.csv": lambda path, values: long_table(values).to_csv(path, index=False),
    "wide.csv": lambda path, values: wide_table(values).to_csv(path, index=False),
    "array.nc": lambda path, values: data_array(values).to_netcdf(path),
    "presentations.nc": lambda path, values: (
        xr.DataArray(assembly(values)).reset_index(["presentation", "neuroid", "time_bin"]).to_netcdf(path)
    ),
    "old.mat": lambda path, values: scipy.io.savemat(
        path, {"responses": values, "stimuli": cells(STIMULI), "neurons": cells(NEURONS)}
    ),
    "new.mat": write_mat73,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_named_format_gives_the_same_responses(name, tmp_path, values):
    WRITERS[name](tmp_path / name, values)
    responses = read_responses(tmp_path / name)
    assert (responses.stimuli, responses.neurons) == (STIMULI, NEURONS)
    # csv writes the shortest text that gives the same number back, so this too is exact
    np.testing.assert_array_equal(responses.values, values)


@pytest.mark.parametrize("form", [long_table, wide_table, data_array, assembly])
def test_every_named_object_gives_the_same_responses(form, values):
    responses = read_responses(form(values))
    assert (responses.stimuli, responses.neurons) == (STIMULI, NEURONS)
    np.testing.assert_array_equal(responses.values, values)


def test_arrays_without_names(tmp_path, values):
    np.save(tmp_path / "r.npy", values)
    for responses in (read_responses(values), read_responses(tmp_path / "r.npy"), read_responses(values.tolist())):
        assert responses.stimuli is None
        assert responses.neurons == ("0", "1", "2")
        np.testing.assert_array_equal(responses.values, values)
    assert read_responses(values[..., 0]).values.shape == (4, 3, 1)


def test_the_array_is_copied(values):
    read_responses(values).values[:] = 0
    assert np.isfinite(values).any() and values.any()


def test_rows_of_a_long_table_may_come_in_any_order(values):
    """Repetitions are those that the table says, not those that come first."""
    long = long_table(values)
    back = long.iloc[np.random.default_rng(0).permutation(len(long))]
    for table in (long, long.iloc[::-1], back):
        read = read_responses(table)
        rows = [list(read.stimuli).index(name) for name in STIMULI]
        columns = [list(read.neurons).index(name) for name in NEURONS]
        np.testing.assert_array_equal(read.values[rows][:, columns], values)


def test_a_table_without_repetition_has_one(values):
    responses = read_responses(long_table(values[..., :1]).drop(columns="repetition"))
    np.testing.assert_array_equal(responses.values, values[..., :1])


def test_pickles_are_not_read(tmp_path):
    np.save(tmp_path / "r.npy", np.array([[1, "a"]], dtype=object))
    with pytest.raises(ValueError, match=r"r\.npy: .*Python objects in dtype"):
        read_responses(tmp_path / "r.npy")


REFUSALS = {
    "one dimension": (lambda v: v[:, 0, 0], r"shape \(4,\) are not \(stimulus, neuron\) or"),
    "empty": (lambda v: v[:0], r"shape \(0, 3, 2\) \(stimulus, neuron, ...\) are empty"),
    "text": (lambda v: v.astype(str), "real numbers, not <U"),
    "complex": (lambda v: v + 1j, "real numbers, not complex128"),
    "two times": (
        lambda v: data_array(v).rename(repetition="time"),
        r"dimensions \('neuroid', 'time', 'presentation'\)",
    ),
    "no neuron": (lambda v: data_array(v).isel(neuroid=0), r"dimensions \('repetition', 'presentation'\)"),
    "stimulus twice": (
        lambda v: data_array(v).assign_coords(stimulus_id=("presentation", ["a", "b", "a", "c"])),
        "stimulus 'a' is duplicated",
    ),
    "neuron twice": (
        lambda v: data_array(v).assign_coords(neuroid_id=("neuroid", ["n", "m", "n"])),
        "neuron 'n' is duplicated",
    ),
    "response twice": (
        lambda v: pd.concat([long_table(v)] * 2),
        "stimulus '007', neuron 'n1' has two responses in repetition 0",
    ),
    "no repetition": (
        lambda v: long_table(v).drop(columns="repetition"),
        "stimulus '007', neuron 'n1' has two responses; number them in a 'repetition'",
    ),
    "a row without a stimulus": (
        lambda v: long_table(v).assign(stimulus=lambda table: table["stimulus"].where(table.index > 0)),
        "a response has no stimulus; every row needs one",
    ),
    "a row without a neuron": (
        lambda v: long_table(v).assign(neuron=lambda table: table["neuron"].where(table.index > 0, "")),
        "a response has no neuron",
    ),
    "no stimulus": (
        lambda v: wide_table(v).drop(columns="image"),
        r"needs a column 'stimulus' \(or 'image'\) .*; its columns are trial, n1, n2, n3",
    ),
    "no response": (lambda v: long_table(v).drop(columns="response"), "needs a column 'response'"),
    "not a number": (
        lambda v: wide_table(v).astype({"n2": object}).replace({"n2": {v[0, 1, 1]: "3,5"}}),
        "column 'n2', row 2 below the header: '3,5' is not a number",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case, values):
    change, message = REFUSALS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        read_responses(change(values))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("stimulus,n1,n1", "column 'n1' is duplicated"),
        (",stimulus,n1", "a column has no name; remove it"),  # as pandas writes its index
        ("image_id,stimulus,n1", "columns 'image_id' and 'stimulus' both state the stimulus; remove one of them"),
    ],
)
def test_refuses_headers_that_could_be_misread(tmp_path, header, message):
    (tmp_path / "r.csv").write_text(f"{header}\n0,1,2\n3,4,5\n")
    with pytest.raises(ValueError, match=message):
        read_responses(tmp_path / "r.csv")


def test_file_refusals(tmp_path, values):
    with pytest.raises(FileNotFoundError, match=re.escape(f"no responses at {tmp_path / 'r.csv'}")):
        read_responses(tmp_path / "r.csv")
    with pytest.raises(ValueError, match=r"r\.pkl is not a kind of file that holds responses: \.npy, \.nc, \.csv, "):
        read_responses(tmp_path / "r.pkl")
    scipy.io.savemat(tmp_path / "r.mat", {"rates": values})
    message = r"r\.mat: has no variable 'responses'; has rates \(4 x 3 x 2 float64\)\. Name the one .* variable="
    with pytest.raises(ValueError, match=message):
        read_responses(tmp_path / "r.mat")
    scipy.io.savemat(tmp_path / "s.mat", {"responses": values, "stimuli": cells(["a", "b"])})
    with pytest.raises(ValueError, match="2 stimulus names for 4 stimulus entries"):
        read_responses(tmp_path / "s.mat")


def test_marks_and_statements_in_the_attributes_of_an_array(values):
    """Where xarray has not decoded them (decode_cf=False)."""
    filled = data_array(np.where(np.isnan(values), 7777, np.round(values * 100)))
    attrs = {"_FillValue": 7777.0, "time_bin": [70, 170], "degrees": 4, "region": "V2", "stimulus_set_identifier": "s"}
    responses = read_responses(filled.assign_attrs(attrs))
    np.testing.assert_array_equal(np.isnan(responses.values), np.isnan(values))
    assert responses.stated == {"visual_degrees": 4.0, "time_bin": (70.0, 170.0), "stimulus_set": "s"}
    assert responses.regions == ("V2",) * 3


def test_one_of_several_time_bins(values):
    several = xr.concat([data_array(values), data_array(values + 1)], dim="time_bin").assign_coords(
        time_bin_start=("time_bin", [0, 50]), time_bin_end=("time_bin", [50, 200])
    )
    chosen = read_responses(several, time_bin=(50, 200))
    np.testing.assert_array_equal(chosen.values, values + 1)
    assert chosen.stated["time_bin"] == (50.0, 200.0)
    with pytest.raises(
        ValueError, match=r"responses have 2 time bins \(0 to 50, 50 to 200 ms\); say which with time_bin \(--window\)"
    ):
        read_responses(several)
    with pytest.raises(ValueError, match="70 to 170 is none of them"):
        read_responses(several, time_bin=(70, 170))


def test_lists_of_several_lengths_are_no_array():
    with pytest.raises(ValueError, match=r"responses are not one array \(.*\); give each stimulus as many numbers"):
        read_responses([[1.0, 2.0], [3.0]])


def test_a_variable_that_a_netcdf_file_has_not(tmp_path):
    xr.DataArray(np.ones((2, 3)), dims=("stimulus", "neuron"), name="rates").to_netcdf(tmp_path / "r.nc")
    with pytest.raises(ValueError, match=r"r\.nc: has no variable 'rate'; has rates \{'stimulus': 2, 'neuron': 3\}"):
        read_responses(tmp_path / "r.nc", variable="rate")


def test_repetitions_of_stimuli_that_have_no_names():
    array = xr.DataArray(np.ones((4, 2)), dims=("presentation", "neuroid"))
    with pytest.raises(ValueError, match="a repetition coordinate but no coordinate that names the stimuli"):
        read_responses(array.assign_coords(repetition=("presentation", [0, 1, 0, 1])))
