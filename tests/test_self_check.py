"""The self-check: the simulated population itself passes, others are told what is wrong."""

import numpy as np
import pytest
from PIL import Image

from vonenet_brainscore.benchmarks.self_check import (
    PixelSubject,
    SelfCheckRow,
    ShuffledSubject,
    problems_of,
    self_check,
)
from vonenet_brainscore.benchmarks.simulated_v1 import FAMILIES, Population


@pytest.fixture(autouse=True)
def no_stored_results(monkeypatch):
    monkeypatch.setenv("RESULTCACHING_DISABLE", "1")


class TrueSubject(PixelSubject):
    """The very population that is simulated with seed 0, without its spikes: the best model there can be."""

    identifier = "truth"

    def look_at(self, stimuli, number_of_trials=1):
        from brainscore_core.supported_data_standards.brainio.assemblies import NeuroidAssembly

        images = np.stack([np.asarray(Image.open(stimuli.get_stimulus(i))) for i in stimuli["stimulus_id"]])
        seed = np.random.SeedSequence(0).generate_state(FAMILIES + 2)[FAMILIES]
        return NeuroidAssembly(
            Population.draw(30, seed=int(seed)).rates(images),
            coords={
                **{column: ("presentation", stimuli[column].values) for column in stimuli.columns},
                "neuroid_id": ("neuroid", np.arange(30)),
                "region": ("neuroid", ["V1"] * 30),
            },
            dims=("presentation", "neuroid"),
        )


@pytest.fixture(scope="module")
def stimuli(tmp_path_factory):
    """Three images as a StimulusSet: black, grey and white."""
    from vonenet_brainscore.own_recordings.pairing import paired

    folder = tmp_path_factory.mktemp("images")
    for name, value in (("a", 0), ("b", 51), ("c", 255)):
        Image.fromarray(np.full((64, 64), value, dtype=np.uint8)).save(folder / f"{name}.png")
    return paired(folder, np.arange(3.0)[:, None]).stimulus_set


def test_the_truth_passes(tmp_path):
    check = self_check(TrueSubject(), directory=tmp_path, n_neurons=30)
    assert check.problems == ()
    assert [row.subject for row in check.rows] == ["truth", "pixels-32x32", "truth-shuffled-0"]
    best, pixels, shuffled = (row.r for row in check.rows)
    assert best > pixels > shuffled
    assert check.rows[0].score == pytest.approx(best**2 / check.ceiling)
    assert 0.65 < check.rows[0].score < 1.1  # 1 but for what PLS loses in fitting 25 components to 72 noisy stimuli
    assert check.benchmark.startswith("simulated-V1-")
    assert len(list(tmp_path.glob("*.png"))) == 80


def test_a_subject_no_better_than_pixels_is_flagged():
    shown = []

    def score(subject, benchmark):
        shown.append(subject.identifier)
        return benchmark(subject)

    check = self_check(PixelSubject(16), score=score, n_neurons=30)
    assert any("pixels-16x16" in problem and "not above pixels-32x32" in problem for problem in check.problems)
    assert shown == ["pixels-16x16", "pixels-32x32", "pixels-16x16-shuffled-0"]


def test_the_front_end_with_surrounds_is_checked_by_its_name():
    from vonenet_brainscore.benchmarks.running import run_benchmark
    from vonenet_brainscore.recordings.loading import load_subject

    def r_of(surround):
        front_end = {"simple_channels": 4, "complex_channels": 4, "surround": surround}
        subject = load_subject("voneblock_li2022", front_end=front_end, noise="none", progress=False)
        check = self_check(subject, score=run_compressed, n_neurons=5)
        assert check.rows[0].subject == "voneblock_li2022"
        return check.rows[0].r

    def run_compressed(subject, benchmark):
        return run_benchmark(subject, benchmark, progress=False)

    assert r_of("li2022") != r_of(None)


def test_problems_are_said():
    def rows(*rs):
        return [SelfCheckRow(name, r**2, r, 0.02) for name, r in zip("abc", rs, strict=True)]

    assert problems_of(rows(0.5, 0.3, 0.0), 0.92, 0.91) == ()
    assert problems_of(rows(0.31, 0.3, 0.0), 0.92, 0.91) == (
        "a (r = 0.310) is not above b (r = 0.300) by more than its error",
    )
    assert problems_of(rows(0.5, 0.3, -0.4), 0.92, 0.91) == ("c has r = -0.400, not 0 within 0.15",)
    assert problems_of(rows(0.5, 0.3, 0.0), 0.88, 0.91) == ("the ceiling is 0.8800, not 0.9100 within 0.025",)
    nan = float("nan")
    assert len(problems_of(rows(nan, nan, nan), nan, 0.91)) == 4


def test_pixels_are_grey_values(stimuli):
    subject = PixelSubject(4)
    subject.start_recording("V1", [(50, 200)])
    responses = subject.look_at(stimuli)
    np.testing.assert_allclose(responses.values, np.repeat([[0], [0.2], [1]], 16, axis=1))
    assert list(responses["stimulus_id"].values) == ["a", "b", "c"]
    assert set(responses["region"].values) == {"V1"}


def test_the_shuffled_subject_permutes_stimuli(stimuli):
    subject = PixelSubject(4)
    shuffled = ShuffledSubject(subject, seed=1)
    shuffled.start_recording("V1", [(50, 200)])
    true, permuted = subject.look_at(stimuli), shuffled.look_at(stimuli)
    assert list(permuted["stimulus_id"].values) == ["a", "b", "c"]
    assert sorted(permuted.values[:, 0]) == sorted(true.values[:, 0])
    assert list(permuted.values[:, 0]) != list(true.values[:, 0])
    np.testing.assert_array_equal(shuffled.look_at(stimuli).values, permuted.values)
    assert list(stimuli.stimulus_paths) == ["a", "b", "c"] and stimuli.get_stimulus("a").name == "a.png"


def test_the_shuffled_stream_is_the_shuffled_recording(stimuli):
    class Streaming(PixelSubject):
        def stream_recording(self, stimuli, number_of_trials=1):
            yield slice(0, len(stimuli)), self.look_at(stimuli, number_of_trials).values

    shuffled = ShuffledSubject(Streaming(4), seed=1)
    ((rows, features),) = shuffled.stream_recording(stimuli, number_of_trials=2)
    np.testing.assert_array_equal(features, shuffled.look_at(stimuli).values[rows])
    assert not hasattr(ShuffledSubject(PixelSubject(4)), "stream_recording")
