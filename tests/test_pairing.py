"""Images and responses, paired: by name, by order, and what is refused."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from vonenet_brainscore.own_recordings.pairing import paired
from vonenet_brainscore.own_recordings.stimulus_order import check_order, rows_of_images


@pytest.fixture
def folder(tmp_path):
    """Four images, of which b and c come in another order in the responses."""
    for number, name in enumerate(("a.png", "b.png", "c.png", "d.png")):
        Image.fromarray(np.full((4, 4), 60 * number, dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no image")
    return tmp_path


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(size=(4, 2))


def named(values, names):
    return xr.DataArray(values, dims=("stimulus", "neuron"), coords={"stimulus": names, "neuron": ["m", "n"]})


def test_names_decide_over_order(folder, values):
    recordings = paired(folder, named(values, ["d", "b.png", "c", "a"]))  # by id, or by file name
    assert list(recordings.stimulus_set["stimulus_id"]) == ["a", "b", "c", "d"]
    np.testing.assert_array_equal(recordings.values[..., 0], values[[3, 1, 2, 0]])
    assert recordings.neurons == ("m", "n")


def test_order_of_folders_lists_and_mappings(folder, values):
    assert list(paired(folder, values).stimulus_set["filename"]) == ["a.png", "b.png", "c.png", "d.png"]
    files = [folder / name for name in ("c.png", "a.png", "d.png", "b.png")]
    recordings = paired(files, values)
    assert list(recordings.stimulus_set["stimulus_id"]) == ["c", "a", "d", "b"]
    np.testing.assert_array_equal(recordings.values[..., 0], values)
    recordings = paired({number: file for number, file in enumerate(files)}, values)
    assert list(recordings.stimulus_set["stimulus_id"]) == [0, 1, 2, 3]
    assert recordings.stimulus_set.get_stimulus(1) == files[1]


def test_a_stimulus_set_keeps_its_columns(folder, values):
    stimulus_set = paired(folder, values).stimulus_set
    stimulus_set["family"] = ["x", "x", "y", "y"]
    again = paired(stimulus_set, values).stimulus_set
    assert list(again["family"]) == ["x", "x", "y", "y"]
    assert again.identifier != stimulus_set.identifier  # the columns are content too


def test_the_identifier_is_the_content(folder, values, tmp_path_factory):
    identifier = paired(folder, values).stimulus_set.identifier
    assert paired(folder, values + 1).stimulus_set.identifier == identifier  # responses are none of the stimuli's
    elsewhere = tmp_path_factory.mktemp("copy")
    for file in folder.iterdir():
        (elsewhere / file.name).write_bytes(file.read_bytes())
    assert paired(elsewhere, values).stimulus_set.identifier == identifier
    Image.fromarray(np.full((4, 4), 1, dtype=np.uint8)).save(elsewhere / "a.png")
    assert paired(elsewhere, values).stimulus_set.identifier != identifier


def test_refuses_lengths_that_do_not_match(folder, values):
    with pytest.raises(ValueError, match="4 images but 3 rows of responses"):
        paired(folder, values[:3])


def test_refuses_images_and_responses_without_partner(folder, values):
    message = (
        r"1 of 4 images have no response \('b.png'\), and 1 of 4 stimuli named by the responses have no image \('e'\)"
    )
    with pytest.raises(ValueError, match=message):
        paired(folder, named(values, ["a", "e", "c", "d"]))
    with pytest.raises(ValueError, match=r"1 of 4 images have no response \('d.png'\), and 0 of 3 stimuli named"):
        paired(folder, named(values[:3], ["a", "b", "c"]))


def test_a_long_list_of_names_is_cut(folder, values):
    names = [f"stimulus {i}" for i in range(9)]
    with pytest.raises(ValueError, match=r"'stimulus 4' and 4 more\)"):
        paired(folder, named(np.zeros((9, 2)), names))


def test_refuses_files_whose_order_is_not_clear(tmp_path):
    for number in range(11):
        Image.fromarray(np.full((4, 4), number, dtype=np.uint8)).save(tmp_path / f"im{number}.png")
    responses = np.random.default_rng(0).normal(size=(11, 2))
    with pytest.raises(
        ValueError, match=r"im10\.png comes before im2\.png if sorted as text, and after it if sorted by the numbers"
    ):
        paired(tmp_path, responses)
    assert len(paired([tmp_path / f"im{number}.png" for number in range(11)], responses).values) == 11


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("B.png", "a.png"), "without regard to capitals"),
        (("a-b.png", "aa.png"), "by letters and digits alone"),
        (("a-b.png", "a.png"), "without the suffix"),
        (("a!.png", "a.png"), "without the suffix"),
        (("a.jpg", "b.png", "c.jpg"), "by kind of file"),
        (("\u00e9.png", "f.png"), "by letters and digits alone"),
    ],
)
def test_refuses_orders_that_programs_disagree_on(names, words):
    with pytest.raises(ValueError, match=f"if sorted as text, and after it if sorted {words}"):
        check_order(sorted(names))
    check_order(["im01.png", "im02.png", "im10.png", "tex_03.png"])


def test_a_hint_where_another_axis_fits(folder, values):
    with pytest.raises(ValueError, match=r"4 images but 2 rows of responses; axis 1 has 4: if these are the stimuli"):
        paired(folder, values.T)
    np.testing.assert_array_equal(paired(folder, values.T, axes="neuron,stimulus").values[..., 0], values)


def test_numbers_of_stimuli_are_places_where_they_can_be_nothing_else():
    files = ["a.png", "b.png", "c.png", "d.png"]
    note = "the numbers of the stimuli are taken as positions in the order of the images, a.png first"
    assert rows_of_images(["2", "1", "4", "3"], files, files) == ([1, 0, 3, 2], note)
    assert rows_of_images(["3", "1", "0", "2"], files, files) == ([2, 1, 3, 0], note)
    assert rows_of_images(["2", "1"], ["1", "2"], ["1.png", "2.png"]) == ([1, 0], None)  # these are names
    numbered = ["im01.png", "im02.png", "im03.png"]
    assert rows_of_images(["3", "1", "2"], ["im01", "im02", "im03"], numbered)[0] == [1, 2, 0]
    with pytest.raises(
        ValueError, match=r"number their stimuli 1 to 3, and the names of the files contain other numbers, im00"
    ):
        rows_of_images(["1", "2", "3"], ["im00", "im01", "im02"], ["im00.png", "im01.png", "im02.png"])
    with pytest.raises(ValueError, match="number their stimuli 2 to 5, but no image has such a number as its name"):
        rows_of_images(["2", "3", "4", "5"], files, files)


def test_refuses_names_that_stand_twice(folder, values):
    (folder / "sub").mkdir()
    (folder / "sub" / "a.jpg").write_bytes((folder / "c.png").read_bytes())
    files = [folder / "a.png", folder / "b.png", folder / "d.png", folder / "sub" / "a.jpg"]
    with pytest.raises(ValueError, match="stimulus 'a' is duplicated"):
        paired(files, values)
    (folder / "sub" / "a.png").write_bytes((folder / "b.png").read_bytes())
    with pytest.raises(ValueError, match=r"file 'a\.png' is duplicated"):
        paired(dict(enumerate([*files[:3], folder / "sub" / "a.png"])), values)


def test_refuses_unreadable_and_missing_images(folder, values):
    (folder / "b.png").write_bytes(b"not a picture")
    with pytest.raises(ValueError, match=r"b\.png cannot be read as an image"):
        paired(folder, values)
    with pytest.raises(FileNotFoundError, match="no folder at"):
        paired(folder / "nowhere", values)
    with pytest.raises(FileNotFoundError, match="no image at"):
        paired([folder / "a.png", folder / "e.png"], values[:2])


def test_refuses_pictures_that_are_not_shown_as_they_are(folder, values):
    Image.new("L", (4, 3)).save(folder / "d.png")
    with pytest.raises(ValueError, match=r"d\.png is 4 x 3 pixels, but a model sees a square.*with the background"):
        paired(folder, values)
    first, second = Image.new("L", (4, 4)), Image.new("L", (4, 4), 255)
    first.save(folder / "d.png", save_all=True, append_images=[second])
    with pytest.raises(ValueError, match=r"d\.png holds 2 pictures"):
        paired(folder, values)


def test_refuses_a_stimulus_set_with_degrees(folder, values):
    stimulus_set = paired(folder, values).stimulus_set
    stimulus_set["degrees"] = 4
    with pytest.raises(ValueError, match="has a column 'degrees'"):
        paired(stimulus_set, values)


def test_refuses_nan_by_stimulus_and_neuron(folder, values):
    values[2, 1] = np.nan
    with pytest.raises(ValueError, match="1 of 8 responses are NaN: stimulus 'c' of neuron '1'"):
        paired(folder, values)
    repeated = np.stack([values, values + 1], axis=-1)
    with pytest.raises(ValueError, match="1 of 8 responses are NaN in every repetition: stimulus 'c' of neuron '1'"):
        paired(folder, repeated)
    repeated[2, 1, 0] = 3  # one repetition is enough
    np.testing.assert_array_equal(paired(folder, repeated).values, repeated)


def test_refuses_infinite_values(folder, values):
    values[0, 0] = values[3, 1] = -np.inf
    message = "2 of 8 responses are infinite: stimulus 'a' of neuron '0', stimulus 'd' of neuron '1'"
    with pytest.raises(ValueError, match=message):
        paired(folder, values)


def test_refuses_a_constant_neuron(folder, values):
    repeated = np.repeat(values[..., None], 3, axis=-1)
    repeated[:, 1] = 0.1
    repeated[1, 1, 0] = np.nan  # its mean differs from the others' in the last bit
    with pytest.raises(ValueError, match=r"1 of 2 neurons respond equally to all stimuli.*leave out '1'"):
        paired(folder, repeated)
