"""Files of named arrays: MATLAB's of both kinds, HDF5 and .npz, in the layouts that laboratories save."""

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse

from vonenet_brainscore.own_recordings.response_files import read_responses

STIMULI, NEURONS = ("a", "b", "c", "d"), ("n1", "n2", "n3")


@pytest.fixture
def values():
    """(stimulus, neuron, repetition)."""
    return np.random.default_rng(0).normal(size=(4, 3, 2))


def cells(contents):
    made = np.empty((len(contents), 1), dtype=object)
    made[:, 0] = contents
    return made


class Mat73:
    """Writes variables as MATLAB's version 7.3 does."""

    def __init__(self, path):
        self.file, self.count = h5py.File(path, "w"), 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def reference(self, value):
        self.count += 1
        name = f"#refs#/r{self.count}"
        self.write(name, value)
        return self.file[name].ref

    def write(self, name, value):
        if isinstance(value, dict):
            group = self.file.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, each in value.items():
                self.write(f"{name}/{field}", each)
        elif isinstance(value, str):
            self.file[name] = np.array([[ord(letter)] for letter in value], np.uint16)
            self.file[name].attrs["MATLAB_class"] = np.bytes_("char")
        elif isinstance(value, np.ndarray) and value.dtype == object:
            self.file[name] = np.array([[self.reference(each) for each in row] for row in value.T], h5py.ref_dtype)
            self.file[name].attrs["MATLAB_class"] = np.bytes_("cell")
        elif isinstance(value, list):  # an array of structures
            for field in value[0]:
                references = [[self.reference(each[field]) for each in value]]
                self.file[f"{name}/{field}"] = np.array(references, h5py.ref_dtype)
            self.file[name].attrs["MATLAB_class"] = np.bytes_("struct")
        elif scipy.sparse.issparse(value):
            group = self.file.create_group(name)
            group.attrs["MATLAB_class"], group.attrs["MATLAB_sparse"] = np.bytes_("double"), value.shape[0]
            group["data"], group["ir"], group["jc"] = value.data, value.indices, value.indptr
        else:
            self.file[name] = np.asarray(value, float).T
            self.file[name].attrs["MATLAB_class"] = np.bytes_("double")


def save_old(path, variables):
    scipy.io.savemat(path, {name: structured(value) for name, value in variables.items()})


def structured(value):
    if isinstance(value, list):
        fields = [(name, object) for name in value[0]]
        return np.array([tuple(each.values()) for each in value], dtype=fields)[None]
    return {name: structured(each) for name, each in value.items()} if isinstance(value, dict) else value


def save_new(path, variables):
    with Mat73(path) as file:
        for name, value in variables.items():
            file.write(name, value)


BOTH = pytest.mark.parametrize("save", [save_old, save_new])


@BOTH
def test_names_are_cells_or_rows_padded_with_blanks(tmp_path, values, save):
    names = {"stimuli": cells(["a ", "bb", "c", "d"]), "neurons": cells(list(NEURONS))}
    save(tmp_path / "r.mat", {"responses": values, **names})
    responses = read_responses(tmp_path / "r.mat")
    assert (responses.stimuli, responses.neurons) == (("a", "bb", "c", "d"), NEURONS)
    np.testing.assert_array_equal(responses.values, values)
    scipy.io.savemat(tmp_path / "padded.mat", {"responses": values, "stimuli": np.array(["a", "bb", "ccc", "d"])})
    assert read_responses(tmp_path / "padded.mat").stimuli == ("a", "bb", "ccc", "d")


@BOTH
def test_a_variable_in_a_structure(tmp_path, values, save):
    inside = {"responses": values, "stimuli": cells(list(STIMULI)), "region": "V2", "visual_degrees": 4.0}
    save(tmp_path / "r.mat", {"data": inside, "other": {"rates": values + 1}})
    found = read_responses(tmp_path / "r.mat")  # the only `responses` that there are
    assert found.stimuli == STIMULI and found.regions == ("V2",) * 3 and found.stated == {"visual_degrees": 4.0}
    np.testing.assert_array_equal(found.values, values)
    np.testing.assert_array_equal(read_responses(tmp_path / "r.mat", variable="other.rates").values, values + 1)
    with pytest.raises(ValueError, match=r"r\.mat: has no variable 'rate'; has .*other\.rates \(4 x 3 x 2 float64\)"):
        read_responses(tmp_path / "r.mat", variable="rate")
    with pytest.raises(ValueError, match=r"'other' is a structure; name the variable in it: other\.rates \("):
        read_responses(tmp_path / "r.mat", variable="other")


@BOTH
def test_a_sparse_array(tmp_path, values, save):
    counts = np.where(values[..., 0] > 0, 3.0, 0.0)
    save(tmp_path / "r.mat", {"responses": scipy.sparse.csc_matrix(counts)})
    np.testing.assert_array_equal(read_responses(tmp_path / "r.mat").values[..., 0], counts)


@BOTH
def test_ragged_cells_are_repetitions(tmp_path, values, save):
    """(stimulus, neuron) cells of repetitions, and a cell a stimulus of (repetition, neuron)."""
    grid = np.empty((4, 3), dtype=object)
    for i, j in np.ndindex(4, 3):
        grid[i, j] = values[i, j, : 1 + (i > 0)]
    expected = values.copy()
    expected[0, :, 1] = np.nan
    save(tmp_path / "grid.mat", {"responses": grid, "stimuli": cells(list(STIMULI))})
    np.testing.assert_array_equal(read_responses(tmp_path / "grid.mat").values, expected)
    rows = cells([values[i, :, : 1 + (i > 0)].T for i in range(4)])
    save(tmp_path / "rows.mat", {"responses": rows, "stimuli": cells(list(STIMULI))})
    np.testing.assert_array_equal(read_responses(tmp_path / "rows.mat").values, expected)
    even = cells([values[i].T for i in range(4)])
    save(tmp_path / "even.mat", {"responses": even})
    with pytest.raises(ValueError, match=r"cells holds 2 x 3 numbers, .* not clear which .* axes='stimulus,"):
        read_responses(tmp_path / "even.mat")
    said = read_responses(tmp_path / "even.mat", axes="stimulus,repetition,neuron")
    np.testing.assert_array_equal(said.values, values)


def trials(values):
    """Every presentation in a shuffled order: (trial, neuron), and the number of each trial's stimulus from 1."""
    numbers = np.repeat(np.arange(4), 2)
    order = np.random.default_rng(1).permutation(8)
    return values.transpose(0, 2, 1).reshape(8, 3)[order], numbers[order] + 1, np.tile([0, 1], 4)[order]


def save_npz(path, variables):
    np.savez(path, **variables)


def save_h5(path, variables):
    with h5py.File(path, "w") as file:
        for name, value in variables.items():
            file[name] = value


@pytest.mark.parametrize(
    ("suffix", "save"),
    [(".mat", save_old), (".mat", save_new), (".npz", save_npz), (".h5", save_h5), (".hdf5", save_h5)],
)
def test_a_list_of_trials_in_every_format_that_tables_are_read_in(tmp_path, values, suffix, save):
    rows, numbers, repetition = trials(values)
    save(tmp_path / f"r{suffix}", {"responses": rows, "stimuli": numbers, "repetition": repetition})
    responses = read_responses(tmp_path / f"r{suffix}")
    order = [responses.stimuli.index(str(number)) for number in (1, 2, 3, 4)]
    np.testing.assert_array_equal(responses.values[order], values)
    save(tmp_path / f"s{suffix}", {"rates": rows, "stimulus": numbers})
    counted = read_responses(tmp_path / f"s{suffix}", variable="rates")
    assert counted.summary() == "4 stimuli, 3 neurons, 2 repetitions"
    np.testing.assert_array_equal(np.sort(counted.values[order]), np.sort(values))
    assert counted.notes == ("the rows of a stimulus are taken as its repetitions, in their order",)


@BOTH
def test_an_array_of_structures_is_a_list_of_trials(tmp_path, values, save):
    rows, numbers, _ = trials(values)
    each = [{"stimulus": float(number), "rates": row} for row, number in zip(rows, numbers, strict=True)]
    save(tmp_path / "r.mat", {"trials": each})
    responses = read_responses(tmp_path / "r.mat", variable="trials")
    order = [responses.stimuli.index(str(number)) for number in (1, 2, 3, 4)]
    np.testing.assert_array_equal(np.sort(responses.values[order]), np.sort(values))


@pytest.mark.parametrize(("suffix", "save"), [(".npz", save_npz), (".h5", save_h5)])
def test_named_arrays_of_other_programs(tmp_path, values, suffix, save):
    named = {"stimuli": np.array(STIMULI, "S"), "neurons": np.array(NEURONS, "S"), "time_bin": [70, 170]}
    save(tmp_path / f"r{suffix}", {"responses": values.transpose(0, 2, 1), **named})
    responses = read_responses(tmp_path / f"r{suffix}", axes=("stimulus", "trial", "unit"))
    assert (responses.stimuli, responses.neurons) == (STIMULI, NEURONS)
    assert responses.stated == {"time_bin": (70.0, 170.0)} and responses.notes == ()
    np.testing.assert_array_equal(responses.values, values)
    with pytest.raises(ValueError, match="axes are 'stimulus,neuron', but the responses have 3 axes; name each once"):
        read_responses(tmp_path / f"r{suffix}", axes="stimulus,neuron")


def test_what_is_written_back_is_read_again(tmp_path, values):
    """Once converted, always (stimulus, neuron, repetition) by name."""
    values[1, 2, 1] = np.nan
    named = {"stimuli": cells(list(STIMULI)), "regions": cells(["V1", "V2", "V1"]), "degrees": 4.0}
    scipy.io.savemat(tmp_path / "r.mat", {"responses": values, **named, "time_bin": [70, 170]})
    first = read_responses(tmp_path / "r.mat")
    first.to_data_array().to_netcdf(tmp_path / "r.nc")
    again = read_responses(tmp_path / "r.nc")
    np.testing.assert_array_equal(again.values, first.values)
    assert (again.stimuli, again.neurons, again.regions) == (first.stimuli, first.neurons, first.regions)
    assert again.stated == first.stated == {"visual_degrees": 4.0, "time_bin": (70.0, 170.0)}


def test_pixels_beside_the_responses_are_no_names(tmp_path, values):
    scipy.io.savemat(tmp_path / "r.mat", {"responses": values, "stimuli": np.zeros((4, 8, 8), np.uint8)})
    responses = read_responses(tmp_path / "r.mat")
    assert responses.stimuli is None
    assert responses.notes[0] == "stimuli in the file are 4 x 8 x 8 uint8, not names, and are not used"


@BOTH
def test_what_the_structures_of_trials_state_is_read(tmp_path, save):
    trials = [
        {"image": name, "unit": unit, "area": area, "degrees": 4.0, "response": 1.0 + i, "depth": 3.0}
        for i, name in enumerate(("a", "b"))
        for unit, area in (("u", "V1"), ("v", "V2"))
    ]
    save(tmp_path / "r.mat", {"responses": trials})
    responses = read_responses(tmp_path / "r.mat")
    assert (responses.regions, responses.stated) == (("V1", "V2"), {"visual_degrees": 4.0})
    assert "depth in the file is not used" in responses.notes


def test_what_is_not_used_is_told_and_the_nearest_variable_named(tmp_path, values):
    np.savez(tmp_path / "r.npz", responses=values, stimulus_order=[3, 2, 1, 0], area=["V1", "V2", "V1"])
    responses = read_responses(tmp_path / "r.npz")
    assert responses.notes[0] == "stimulus_order in the file is not used"
    assert responses.regions == ("V1", "V2", "V1")
    scipy.io.savemat(tmp_path / "r.mat", {"data": {"rates": values}})
    with pytest.raises(ValueError, match=r"no variable 'data\.rate'; .*; did you mean 'data\.rates'\?"):
        read_responses(tmp_path / "r.mat", variable="data.rate")


def test_settings_that_say_nothing_of_a_file_are_refused(tmp_path, values):
    np.save(tmp_path / "r.npy", values)
    with pytest.raises(ValueError, match=r"variable is 'x', which does not apply to a \.npy file; leave it out"):
        read_responses(tmp_path / "r.npy", variable="x")
    with pytest.raises(TypeError, match="axes are 3; give text such as"):
        read_responses(values, axes=3)


def test_what_only_matlab_can_read_is_named(tmp_path, values):
    with Mat73(tmp_path / "r.mat") as made:
        made.write("responses", values)
        made.write("stimuli", np.arange(6.0))
        made.file["stimuli"].attrs["MATLAB_class"] = np.bytes_("string")
    message = r"r\.mat: 'stimuli' is a MATLAB string, which only MATLAB can read; save cellstr\(stimuli\) in its place"
    with pytest.raises(ValueError, match=message):
        read_responses(tmp_path / "r.mat")
    with pytest.raises(
        ValueError, match=r"has no variable 'rates'; has responses \(4 x 3 x 2 float64\), stimuli \(a MA"
    ):
        read_responses(tmp_path / "r.mat", variable="rates")


@BOTH
def test_cells_that_cannot_be_one_array(tmp_path, save):
    pairs = cells([np.ones((2, 3)), np.ones((2, 2)), np.ones((2, 3)), np.ones((1, 3))])
    for contents, error, message in (
        (cells(["a", "b", "c"]), TypeError, "its cells hold text or structures, and responses are real numbers"),
        (
            cells([np.ones((2, 3)), np.ones((3, 2))]),
            ValueError,
            "it is not clear which of these axes is the neuron",
        ),
        (np.tile(pairs, (1, 3)), ValueError, "cells of 4 x 3 hold arrays of different or too many dimensions"),
        (
            cells([np.ones(2), np.ones(3), np.ones(2)]),
            ValueError,
            "its 3 cells hold 1 to 3 numbers each, so they are rep",
        ),
    ):
        save(tmp_path / "r.mat", {"responses": contents})
        with pytest.raises(error, match=rf"r\.mat: .*{message}"):
            read_responses(tmp_path / "r.mat")


@BOTH
def test_structures_that_are_no_list_of_trials(tmp_path, save):
    save(tmp_path / "r.mat", {"responses": [{"depth": 1.0, "image": "a"}, {"depth": 2.0, "image": "b"}]})
    with pytest.raises(
        ValueError, match="its structures have the fields depth, image; they need a stimulus and a resp"
    ):
        read_responses(tmp_path / "r.mat")
    trials = [{"stimulus": "a", "response": np.ones(3)}, {"stimulus": "b", "response": np.ones(2)}]
    save(tmp_path / "r.mat", {"responses": trials})
    with pytest.raises(ValueError, match="field 'response' holds 2 to 3 numbers; each needs one for each neuron"):
        read_responses(tmp_path / "r.mat")
