"""The simulated population: its stimuli, its tuning, and a noise ceiling known in advance."""

import numpy as np
import pytest
from PIL import Image

from vonenet_brainscore.benchmarks.simulated_v1 import (
    IMAGE_SIZE,
    PIXELS_PER_DEGREE,
    Population,
    analytic_ceiling,
    family_textures,
    simulated_benchmark,
)
from vonenet_brainscore.own_recordings.noise_ceiling import repetition_ceiling


def grating(theta, sf_cpd, *, phase=0.0, contrast=1.0):
    """A sinusoid modulated along `theta`, its phase 0 in the middle, as uint8 (y, x)."""
    ticks = (np.arange(IMAGE_SIZE) + 0.5 - IMAGE_SIZE / 2) / PIXELS_PER_DEGREE
    along = ticks * np.cos(theta) + ticks[:, None] * np.sin(theta)
    return np.round(127.5 * (1 + contrast * np.cos(2 * np.pi * sf_cpd * along + phase))).astype(np.uint8)


def lone_unit(*, simple, theta=0.6, sf_cpd=1.5):
    """One unit in the middle of gaze, normalised by itself alone."""
    one = np.ones(1)
    return Population(
        x_deg=0 * one,
        y_deg=0 * one,
        theta=theta * one,
        phase=0 * one,
        sf_cpd=sf_cpd * one,
        sigma_deg=0.5 / sf_cpd * one,
        simple=np.array([simple]),
        mean_rate=10 * one,
    )


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory):
    return simulated_benchmark(tmp_path_factory.mktemp("simulated"), n_stimuli=80, n_neurons=20, seed=3)


def test_the_best_grating_drives_a_filter_to_one():
    unit = lone_unit(simple=False)
    contrast = grating(0.6, 1.5).ravel() / 127.5 - 1
    # the Gaussian of half a period lets e^-pi^2/2 = 0.7 % of the other half of the spectrum through
    assert abs(contrast @ unit.filters()[0]) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("simple", [True, False])
def test_units_are_tuned_to_their_orientation_and_spatial_frequency(simple):
    unit = lone_unit(simple=simple)
    orientations = np.linspace(0, np.pi, 30, endpoint=False)
    rates = unit.rates(np.stack([grating(theta, 1.5) for theta in orientations]))
    assert orientations[rates.argmax()] == pytest.approx(0.6, abs=np.pi / 60)
    frequencies = np.geomspace(0.5, 4, 25)
    rates = unit.rates(np.stack([grating(0.6, sf) for sf in frequencies]))
    assert frequencies[rates.argmax()] == pytest.approx(1.5, rel=0.1)


def test_complex_units_ignore_phase_and_simple_ones_do_not():
    images = np.stack([grating(0.6, 1.5, phase=phase) for phase in np.linspace(0, 2 * np.pi, 8, endpoint=False)])
    assert np.ptp(lone_unit(simple=False).rates(images)) < 0.5  # of a mean of 10 spikes/s
    assert np.ptp(lone_unit(simple=True).rates(images)) > 10


def test_normalisation_saturates_with_contrast():
    images = np.stack([grating(0.6, 1.5, contrast=c) for c in (0.0, 0.05, 0.1, 0.5, 1.0)])
    evoked = np.diff(lone_unit(simple=False).rates(images)[:, 0], prepend=0)[1:]
    assert (evoked > 0).all()
    assert evoked[1] > evoked[3]  # 0.05 more at low contrast adds more than 0.5 at high


def test_mean_rates_are_as_drawn():
    population = Population.draw(10, seed=1)
    rates = population.rates(family_textures(6, seed=2))
    np.testing.assert_allclose(rates.mean(axis=0), population.mean_rate)
    assert (rates > 0).all()


def test_textures_are_grey_on_average_and_of_their_own_contrast():
    textures = family_textures(5, seed=0) / 127.5 - 1
    # clipping at black and white takes little off a contrast of 0.1 to 0.3
    assert np.abs(textures.mean(axis=(1, 2))).max() < 0.01
    assert ((textures.std(axis=(1, 2)) > 0.09) & (textures.std(axis=(1, 2)) < 0.31)).all()
    assert not np.array_equal(family_textures(2, seed=1), family_textures(2, seed=2))


def test_it_is_plainly_labelled_and_reproducible(benchmark, tmp_path):
    assert benchmark.identifier == "simulated-V1-80x20x10-seed3-pls"
    assert benchmark.ceiling.attrs["simulated"] and benchmark._assembly.attrs["simulated"]
    again = simulated_benchmark(tmp_path, n_stimuli=80, n_neurons=20, seed=3)
    np.testing.assert_array_equal(again._assembly.values, benchmark._assembly.values)
    other = simulated_benchmark(tmp_path / "other", n_stimuli=80, n_neurons=20, seed=4)
    assert (other._assembly.values != benchmark._assembly.values).mean() > 0.5
    stimuli = benchmark._assembly.stimulus_set
    image = Image.open(stimuli.get_stimulus("family-03-sample-07"))
    assert (image.mode, image.size) == ("L", (IMAGE_SIZE, IMAGE_SIZE))


def test_poisson_spikes_meet_the_analytic_ceiling():
    rng = np.random.default_rng(0)
    expected = rng.gamma(2, 1, (5000, 40)) * rng.uniform(0.2, 2, 40)
    spikes = rng.poisson(expected[..., None], (5000, 40, 10))
    neuroids = {"neuroid_id": np.arange(40)}
    # so many stimuli leave a scatter of a few thousandths
    assert float(repetition_ceiling(spikes, neuroids)[0]) == pytest.approx(analytic_ceiling(expected, 10), abs=0.006)


def test_the_ceiling_is_near_the_analytic_one(benchmark):
    from vonenet_brainscore.benchmarks.self_check import CEILING_TOLERANCE

    assert float(benchmark.ceiling) == pytest.approx(benchmark.ceiling.attrs["analytic"], abs=CEILING_TOLERANCE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_stimuli": 81}, "n_stimuli is 81; it is a multiple of 8"),
        ({"n_stimuli": 0}, "n_stimuli is 0"),
        ({"repetitions": 1}, "60 neurons and 1 repetitions; needs at least 1 and 2"),
        ({"n_neurons": 0}, "0 neurons"),
        ({"n_stimuli": 16}, "16 stimuli are too few for 'pls'"),
    ],
)
def test_refusals(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        simulated_benchmark(tmp_path, **settings)
