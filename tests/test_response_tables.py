"""Tables of responses: every dialect of text, marks of missing values, columns that are no neurons."""

import numpy as np
import pandas as pd
import pytest

from vonenet_brainscore.own_recordings.response_files import read_responses

VALUES = np.array([[1.5, 0.25], [2.0, 7.125], [0.0, 3.0]])


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


DIALECTS = {
    "commas": ("stimulus,n1,n2\na,1.5,.25\nb,2,7.125\nc,0,3\n", "utf-8"),
    "semicolons and decimal commas": ("stimulus;n1;n2\na;1,5;0,25\nb;2;7,125\nc;0;3\n", "utf-8"),
    "as Excel says it": ("sep=;\nstimulus;n1;n2\na;1,5;0,25\nb;2;7,125\nc;0;3\n", "utf-8-sig"),
    "tabs": ("stimulus\tn1\tn2\na\t1.5\t.25\nb\t2\t7.125\nc\t0\t3\n", "utf-8"),
    "Excel's text with Unicode": ("Stimulus\tn1\tn2\r\na\t1.5\t.25\r\nb\t2\t7.125\r\nc\t0\t3\r\n", "utf-16"),
    "UTF-16 without its mark": ("stimulus,n1,n2\na,1.5,.25\nb,2,7.125\nc,0,3\n", "utf-16-le"),
    "padded with blanks": ("stimulus , n1 , n2\na  , 1.5 , .25\nb , 2 , 7.125 \nc , 0 , 3\n", "utf-8"),
    "quoted": ('"stimulus","n1","n2"\n"a","1.5",".25"\n"b","2","7.125"\n"c","0","3"\n', "utf-8"),
}


@pytest.mark.parametrize("case", DIALECTS)
def test_every_dialect_is_read(tmp_path, case):
    text, encoding = DIALECTS[case]
    responses = read_responses(written(tmp_path / "r.csv", text, encoding))
    assert (responses.stimuli, responses.neurons) == (("a", "b", "c"), ("n1", "n2"))
    np.testing.assert_array_equal(responses.values[..., 0], VALUES)


def test_latin_letters_are_read_and_told(tmp_path):
    responses = read_responses(written(tmp_path / "r.csv", "stimulus,n1\n\u00e9,1\nb,2\n", "latin-1"))
    assert responses.stimuli == ("\u00e9", "b")
    assert responses.notes == ("non-ASCII characters are read as Latin-1 (Windows 1252)",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("site;n1,n2\na;1,2\n", "its header 'site;n1,n2' can be split at commas or semicolons"),
        ("stimulus;n1;n2\na;1,500;2,250\n", "the comma in '1,500' can be a decimal mark or a thousands separator"),
        ("stimulus;n1;n2\na;1,5;2.5\n", "the comma in '1,5' is ambiguous"),
        ("stimulus;n1\na;1.234,5\n", r"the comma in '1\.234,5' is ambiguous"),
        ("stimulus,n1,n2\na,1,2\nb,3\n", r"row 2 below the header has 2 cells, and the header 3; was it"),
        ("stimulus,n1\na,1,2\n", "row 1 below the header has 3 cells, and the header 2"),
        ("stimulus,n1,n2\na,1,#DIV/0!\n", "'#DIV/0!' is not a number; leave the cell empty if the response is missing"),
        ("stimulus,n1,n2\na,1,.\n", r"'\.' is not a number; leave the cell empty"),
        ("stimulus,n1,n2,session\na,1,2,1\n", "column 'session' is not a neuron, judging by its name; remove it"),
        ("stimulus,n1,n2,novelty\na,1,2,1\n", "column 'novelty' has a different kind of name from 'n1'"),
        ("stimulus,u,v\na,1,0\nb,3,1\nc,1,2\nd,7,3\n", "column 'v' counts the rows"),
        (",stimulus,u,v\n0,a,1,0\n", "a column has no name"),
        ("Unnamed: 0,stimulus,u\n0,a,1\n", "a column has no name"),
        (
            "stimulus,n1,visual_degrees\na,1,4\nb,2,8\n",
            "the responses have several values of 'visual_degrees', 4 to 8",
        ),
        ("stimulus,neuron,response,region\na,u,1,V1\nb,u,2,V2\n", "neuron 'u' is in regions V1, V2"),
    ],
)
def test_what_is_not_clear_is_refused_by_name(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_responses(written(tmp_path / "r.csv", text))


def test_a_last_row_that_may_be_cut_off_is_told(tmp_path):
    responses = read_responses(written(tmp_path / "r.csv", "stimulus,n1\na,1\nb,2.5"))
    assert responses.notes == ("the file does not end with a line break; check that its last row is complete",)


MARKS = [
    "",
    "NaN",
    "nan",
    "NA",
    "N/A",
    "#N/A",
    "null",
    "None",
    "<NA>",
    "<missing>",
    "<undefined>",
    "NaT",
    "--",
    "1.#QNAN",
]


@pytest.mark.parametrize("mark", MARKS)
def test_marks_of_missing_values_are_read(tmp_path, mark):
    text = f"stimulus,repetition,n1,n2\na,1,1,2\na,2,{mark},3\nb,1,4,5\nb,2,6,7\n"
    responses = read_responses(written(tmp_path / "r.csv", text))
    expected = [[[1, np.nan], [2, 3]], [[4, 6], [5, 7]]]
    np.testing.assert_array_equal(responses.values, expected)
    assert responses.summary() == "2 stimuli, 2 neurons, 2 repetitions, 1 missing"


def test_missing_values_of_pandas_and_numpy(tmp_path):
    expected = np.array([[1, np.nan], [2, 3]])
    table = pd.DataFrame({"stimulus": ["a", "b"], "n1": pd.array([1, 2], "Int64"), "n2": pd.array([None, 3], "Int64")})
    for each in (table, table.astype({"n2": "Float64"}), table.astype({"n2": object}), table.set_index("stimulus")):
        np.testing.assert_array_equal(read_responses(each).values[..., 0], expected)
    masked = np.ma.masked_invalid(expected)
    np.testing.assert_array_equal(read_responses(masked).values[..., 0], expected)
    table.to_parquet(tmp_path / "r.parquet")
    np.testing.assert_array_equal(read_responses(tmp_path / "r.parquet").values[..., 0], expected)


@pytest.mark.parametrize(
    "mark", [-999.0, -99.0, 1e20, 9.969209968386869e36, -2147483648.0, 9999.0, 999.0, 65535.0, -1.0]
)
def test_numbers_that_mark_missing_values_are_refused(mark):
    counts = np.random.default_rng(0).poisson(5, (20, 3, 2)).astype(float)
    counts[3, 1, 1] = np.float32(mark) if mark > 1e30 else mark
    with pytest.raises(ValueError, match=r"^1 of 120 responses are .*, which programs write for a missing value"):
        read_responses(counts)


def test_numbers_that_only_look_like_marks_are_kept():
    for values in (np.array([[-1.0, 2.5], [3, 1]]), np.array([[-99.0, 80], [-60, 3]]), np.array([[-1.0, -2], [3, 1]])):
        np.testing.assert_array_equal(read_responses(values).values[..., 0], values)


@pytest.mark.parametrize("first", [0, 1, 41])
def test_columns_that_number_the_presentations_are_no_neurons(first):
    draws = np.random.default_rng(first)
    table = pd.DataFrame(draws.poisson(5, (40, 3)), columns=["left", "right", "third"])
    table = table.assign(stimulus=[f"im{i}" for i in range(40)], order=first + draws.permutation(40))
    with pytest.raises(ValueError, match="column 'order' counts the rows; remove it"):
        read_responses(table)
    assert read_responses(table.drop(columns="order")).neurons == ("left", "right", "third")
    with pytest.raises(ValueError, match="column 'trialnum' describes the presentation, judging by its name"):
        read_responses(table.drop(columns="order").assign(trialnum=draws.permutation(40) // 2))
    numbered = pd.DataFrame({"stimulus": ["a", "b"], "session1_n1": [1, 2], "session1_n2": [2, 1]})
    assert read_responses(numbered).neurons == ("session1_n1", "session1_n2")


def test_a_table_in_one_column_is_told_what_separates_columns(tmp_path):
    with pytest.raises(
        ValueError, match=r"its columns are image n1 n2\. Separate columns by commas, semicolons or tabs"
    ):
        read_responses(written(tmp_path / "r.txt", "image n1 n2\na 1 2\nb 3 4\n"))


def test_rows_of_a_stimulus_are_its_repetitions(tmp_path):
    text = "image,n1,n2\nb,1,2\na,3,4\nb,5,6\n"
    responses = read_responses(written(tmp_path / "r.csv", text))
    np.testing.assert_array_equal(responses.values, [[[1, 5], [2, 6]], [[3, np.nan], [4, np.nan]]])
    assert responses.summary() == "2 stimuli, 2 neurons, 2 repetitions (mean 1.5 per stimulus)"


def test_trials_numbered_through_a_session_are_repetitions_of_their_stimulus():
    """80 trial numbers, 2 of each of 40 pictures, are two repetitions."""
    order = np.random.default_rng(0).permutation(np.repeat(np.arange(40), 2))
    table = pd.DataFrame({"stimulus": order, "trial": np.arange(80), "n1": np.arange(80) % 7, "n2": np.arange(80) % 5})
    responses = read_responses(table)
    assert responses.values.shape == (40, 2, 2) and not np.isnan(responses.values).any()
    for name, per_neuron in zip(responses.stimuli, responses.values, strict=True):
        shown = np.flatnonzero(order == int(name))
        np.testing.assert_array_equal(per_neuron, [shown % 7, shown % 5])


def test_what_a_table_states(tmp_path):
    text = (
        "stimulus,neuron,response,region,visual_degrees,time_bin_start,time_bin_end,depth\n"
        "a,u,1,V1,4,70,170,3\na,v,2,V2,4,70,170,9\nb,u,3,V1,4,70,170,3\nb,v,4,V2,4,70,170,9\n"
    )
    responses = read_responses(written(tmp_path / "r.csv", text))
    assert responses.regions == ("V1", "V2")
    assert responses.stated == {"visual_degrees": 4.0, "time_bin": (70.0, 170.0)}
    assert responses.notes == ("unused columns: depth",)
    np.testing.assert_array_equal(responses.of_region("V2").values[..., 0], [[2], [4]])


def test_a_table_of_several_regions_is_refused():
    table = pd.DataFrame({"stimulus": ["a", "b"], "region": ["V1", "V2"], "n1": [1, 2], "n2": [2, 1]})
    with pytest.raises(
        ValueError, match="column 'region' has the values 'V1', 'V2', but a benchmark is for one of them"
    ):
        read_responses(table)


def test_regions_of_an_array_are_as_many_as_its_neurons(tmp_path):
    np.savez(tmp_path / "r.npz", responses=VALUES, regions=["V1", "V2", "V4"])
    with pytest.raises(ValueError, match=r"r\.npz: 3 regions for 2 neurons; give one per neuron, or one for all"):
        read_responses(tmp_path / "r.npz")


def test_names_of_presentations_along_the_other_axis_are_told(tmp_path):
    np.savez(tmp_path / "r.npz", responses=VALUES, stimuli=["a", "a"])
    with pytest.raises(ValueError, match=r"2 stimulus names for 3 rows .* pass axes='neuron,stimulus'"):
        read_responses(tmp_path / "r.npz")


def test_a_table_without_rows_is_said_to_be_empty(tmp_path):
    text = written(tmp_path / "r.csv", "stimulus,neuron,response\n")
    with pytest.raises(ValueError, match=r"r\.csv: responses of shape \(0, 0, 0\) .* are empty"):
        read_responses(text)
