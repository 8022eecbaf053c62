"""NWB files made by pynwb: spikes counted after onsets, regions, observed times, and the whole way to a benchmark."""

import datetime

import numpy as np
import pytest
from PIL import Image

from vonenet_brainscore.own_recordings.neural_benchmark import neural_benchmark
from vonenet_brainscore.own_recordings.response_files import read_responses

NAMES = [f"im{number:02d}.png" for number in range(30)]
COUNTS = np.random.default_rng(0).poisson(4 + 3 * np.random.default_rng(1).random((30, 4, 1)), (30, 4, 2))
ONSETS = 1 + 0.5 * np.arange(60)  # seconds, one presentation after the other
ORDER = np.random.default_rng(2).permutation(np.repeat(np.arange(30), 2))


def session():
    """An empty recording with four units in V1 and V2."""
    from pynwb import NWBFile

    nwb = NWBFile("made for a test", "id", datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
    group = nwb.create_electrode_group("probe", "made", "V1", nwb.create_device("device"))
    for region in ("V1", "V2"):
        nwb.add_electrode(location=region, group=group)
    return nwb


def spikes(unit):
    """Spike times of one unit: as many as `COUNTS` in 50 to 200 ms after each onset, and some outside of it."""
    seen, times = dict.fromkeys(range(30), 0), []
    for onset, stimulus in zip(ONSETS, ORDER, strict=True):
        count = COUNTS[stimulus, unit, seen[stimulus]]
        seen[stimulus] += 1
        times += [*(onset + np.linspace(0.051, 0.199, count)), onset + 0.049, onset + 0.201, onset + 0.4]
    return np.sort(times)


def write(nwb, path):
    from pynwb import NWBHDF5IO

    with NWBHDF5IO(str(path), "w") as file:
        file.write(nwb)


def with_trials(nwb, *, column="stimulus", **settings):
    nwb.add_trial_column(column, "the picture that was shown")
    for name in settings:
        nwb.add_trial_column(name, "made")
    for row, (onset, stimulus) in enumerate(zip(ONSETS, ORDER, strict=True)):
        others = {name: values[row] for name, values in settings.items()}
        nwb.add_trial(start_time=onset, stop_time=onset + 0.3, **{column: NAMES[stimulus]}, **others)
    return nwb


def with_units(nwb, **settings):
    for unit in range(4):
        nwb.add_unit(spike_times=spikes(unit), electrodes=[unit % 2], id=10 + unit, **settings)
    return nwb


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("nwb") / "session.nwb"
    write(with_units(with_trials(session())), path)
    return path


def in_order(responses):
    return responses.values[[responses.stimuli.index(name) for name in NAMES]]


def test_spikes_are_counted_in_the_window_after_each_onset(recording):
    responses = read_responses(recording)
    np.testing.assert_array_equal(in_order(responses), COUNTS)
    assert responses.neurons == ("10", "11", "12", "13") and responses.regions == ("V1", "V2", "V1", "V2")
    assert responses.stated == {"time_bin": (50.0, 200.0)}
    assert "spikes are counted 50 to 200 ms after 'start_time' of 'trials'; 'stimulus' is the st" in responses.notes[0]
    wider = read_responses(recording, time_bin=(0, 250))
    np.testing.assert_array_equal(in_order(wider), COUNTS + 2)
    # The window begins with its start and ends before its end.
    edges = read_responses(recording, time_bin=(200.5, 400))
    np.testing.assert_array_equal(in_order(edges), np.ones_like(COUNTS))


def test_the_whole_way_to_a_benchmark(recording, tmp_path):
    random = np.random.default_rng(3)
    for name in NAMES:
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / name)
    benchmark = neural_benchmark("mine", tmp_path, recording, visual_degrees=8, metric="ridge", time_bin=(0, 250))
    described = benchmark.own_recordings
    assert described["recordings"] == "30 stimuli, 2 neurons, 2 repetitions"
    assert described["notes"].splitlines()[-1] == "2 of 4 neurons are in V1; the others are not used"
    assert described["time_bin"] == "0 to 250 ms"
    np.testing.assert_array_equal(benchmark._assembly.values, (COUNTS[:, ::2] + 2).mean(axis=-1))


def test_a_stimulus_may_come_on_after_its_trial_begins(tmp_path):
    nwb = with_trials(session(), stimulus_onset_time=ONSETS - 0.049)
    write(with_units(nwb), tmp_path / "r.nwb")
    responses = read_responses(tmp_path / "r.nwb", time_bin=(99, 249))
    np.testing.assert_array_equal(in_order(responses), COUNTS)
    assert "after 'stimulus_onset_time' of 'trials'" in responses.notes[0]


def test_what_was_not_observed_or_is_not_valid_is_missing(tmp_path):
    nwb = with_units(with_trials(session()), obs_intervals=[[0.0, ONSETS[50]], [ONSETS[51], 100.0]])
    nwb.add_invalid_time_interval(start_time=ONSETS[3] + 0.1, stop_time=ONSETS[3] + 0.11)
    write(nwb, tmp_path / "r.nwb")
    missing = np.isnan(in_order(read_responses(tmp_path / "r.nwb")))
    expected = np.zeros((30, 4, 2), bool)
    for row in (3, 50):
        stimulus = ORDER[row]
        expected[stimulus, :, int((ORDER[:row] == stimulus).sum())] = True
    np.testing.assert_array_equal(missing, expected)


def test_the_table_and_its_column_are_named_where_there_are_several(tmp_path):
    from pynwb.epoch import TimeIntervals

    nwb = with_units(with_trials(session(), column="picture"))
    gratings = TimeIntervals(name="gratings", description="made")
    gratings.add_column("stimulus", "made")
    gratings.add_row(start_time=0.0, stop_time=1.0, stimulus="a")
    nwb.add_time_intervals(gratings)
    write(nwb, tmp_path / "r.nwb")
    assert read_responses(tmp_path / "r.nwb").stimuli == ("a",)
    np.testing.assert_array_equal(in_order(read_responses(tmp_path / "r.nwb", variable="trials.picture")), COUNTS)
    with pytest.raises(ValueError, match=r"r\.nwb: has no table of intervals 'trial'; has gratings \(.*\); trials \("):
        read_responses(tmp_path / "r.nwb", variable="trial")
    with pytest.raises(ValueError, match=r"the column of 'trials' that names the stimulus is not clear: it has start"):
        read_responses(tmp_path / "r.nwb", variable="trials")


def test_a_file_without_units_is_refused(tmp_path):
    write(with_trials(session()), tmp_path / "r.nwb")
    with pytest.raises(ValueError, match=r"r\.nwb: has no units with spike times"):
        read_responses(tmp_path / "r.nwb")


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    import sys

    (tmp_path / "r.nwb").touch()
    monkeypatch.setitem(sys.modules, "pynwb", None)
    with pytest.raises(ModuleNotFoundError, match=r"r\.nwb needs pynwb: pip install 'vonenet_brainscore\[nwb\]'"):
        read_responses(tmp_path / "r.nwb")


def test_a_damaged_file_is_read_or_refused_by_name(recording, tmp_path):
    whole, random = recording.read_bytes(), np.random.default_rng(4)
    for number in range(12):
        damaged = bytearray(whole[: random.integers(len(whole) // 2, len(whole))] if number % 2 else whole)
        for place in random.integers(0, len(damaged), 200):
            damaged[place] = random.integers(256)
        path = tmp_path / f"damaged{number}.nwb"
        path.write_bytes(damaged)
        try:
            read_responses(path)
        except (ValueError, TypeError, MemoryError) as error:
            assert path.name in str(error) or isinstance(error, MemoryError)


def test_a_presentation_without_its_time_or_name_is_refused(tmp_path):
    onsets = [*ONSETS[:-1], np.nan]
    write(with_units(with_trials(session(), stimulus_onset=onsets)), tmp_path / "r.nwb")
    with pytest.raises(ValueError, match=r"r\.nwb: 1 rows of 'trials' have no stimulus_onset"):
        read_responses(tmp_path / "r.nwb")
    pictures = [np.zeros(2)] * len(ONSETS)
    write(with_units(with_trials(session(), column="of", image=pictures)), tmp_path / "p.nwb")
    with pytest.raises(
        ValueError, match=r"p\.nwb: column 'image' does not hold a name or number for each presentation"
    ):
        read_responses(tmp_path / "p.nwb", variable="trials.image")


def test_no_column_of_stimuli_is_told_with_what_there_is(tmp_path):
    write(with_units(with_trials(session(), column="shape")), tmp_path / "r.nwb")
    with pytest.raises(ValueError, match=r"no tables of intervals have a column .* The file has trials \(start_time, "):
        read_responses(tmp_path / "r.nwb")


def test_regions_are_read_wherever_they_stand(tmp_path):
    def saved(add_units):
        nwb = with_trials(session())
        add_units(nwb)
        path = tmp_path / f"{add_units.__name__}.nwb"
        write(nwb, path)
        return read_responses(path).regions

    def column(nwb):
        nwb.add_unit_column("region", "made")
        nwb.add_unit(spike_times=spikes(0), region="V1")
        nwb.add_unit(spike_times=spikes(1), region="V4")

    def electrode_group(nwb):
        for unit in range(2):
            nwb.add_unit(spike_times=spikes(unit), electrode_group=nwb.electrode_groups["probe"])

    def nowhere(nwb):
        nwb.add_unit(spike_times=spikes(0))

    assert [saved(each) for each in (column, electrode_group, nowhere)] == [("V1", "V4"), ("V1", "V1"), None]
