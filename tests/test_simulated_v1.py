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


def test_a_population_is_spread_as_its_constants_say():
    drawn = Population.draw(4000, seed=0)
    octaves = np.log2(drawn.sf_cpd / 0.7)  # two octaves from 0.7 cycles/degree on
    assert octaves.min() >= 0 and octaves.max() <= 2 and octaves.mean() == pytest.approx(1, abs=0.05)
    log_rate = np.log(drawn.mean_rate / 2) / np.log(7.5)  # 2 to 15 spikes/s
    assert log_rate.min() >= 0 and log_rate.max() <= 1 and log_rate.mean() == pytest.approx(0.5, abs=0.03)
    for centre in (drawn.x_deg, drawn.y_deg):  # within 2 degrees
        assert np.abs(centre).max() == pytest.approx(2, abs=0.01) and abs(centre.mean()) < 0.1
    assert np.ptp(drawn.theta) == pytest.approx(np.pi, rel=0.01)
    assert np.ptp(drawn.phase) == pytest.approx(2 * np.pi, rel=0.01)
    np.testing.assert_allclose(drawn.sigma_deg * drawn.sf_cpd, 0.5)
    assert drawn.simple.mean() == 0.5


def test_a_blank_screen_evokes_half_the_mean_rate():
    images = np.stack([grating(0.6, 1.5, contrast=c) for c in (0.0, 1.0)])
    images[0] = 128  # half a grey level from no contrast
    blank, best = lone_unit(simple=False).rates(images)[:, 0]
    assert blank == pytest.approx(5, rel=1e-3) and (blank + best) / 2 == pytest.approx(10)


def test_half_of_the_normalised_rate_comes_at_a_contrast_of_a_tenth():
    """``c² / (s² + c²)`` is half at the semisaturation."""
    images = np.stack([grating(0.6, 1.5, contrast=c) for c in (0.1, 1.0)] + [np.full_like(grating(0, 1), 128)])
    tenth, full, blank = lone_unit(simple=False).rates(images)[:, 0]
    assert (tenth - blank) / (full - blank) == pytest.approx(0.5 / (1 / 1.01), rel=0.03)  # grey levels are whole


def test_neighbours_share_a_pool_of_one_degree():
    """A unit that is silent itself is suppressed by the energy of one a degree away, by exp(-1/2) of its own weight."""
    pair = Population(
        x_deg=np.array([0.0, 1.0]),
        y_deg=np.zeros(2),
        theta=np.array([0.6, 0.6 + np.pi / 2]),
        phase=np.zeros(2),
        sf_cpd=np.full(2, 1.5),
        sigma_deg=np.full(2, 1 / 3),
        simple=np.zeros(2, bool),
        mean_rate=np.full(2, 10.0),
    )
    images = np.stack([grating(0.6, 1.5, contrast=c) for c in (0.05, 1.0)])
    response = np.abs((images.reshape(2, -1) / 127.5 - 1) @ pair.filters().T) ** 2  # (image, unit)
    share = np.exp(-1 / 2) / (1 + np.exp(-1 / 2))
    pooled = response[:, 0] * (1 - share) + response[:, 1] * share
    normalised = response[:, 0] / (0.1**2 + pooled)
    expected = 10 * (0.5 + 0.5 * normalised / normalised.mean())
    np.testing.assert_allclose(pair.rates(images)[:, 0], expected)


def test_samples_of_a_family_share_a_twentieth_of_their_power():
    """Correlations of noise of so narrow a spectrum scatter: 40 pairs tell .05 from none and from a tenth."""
    pairs = [family_textures(2, seed=seed).reshape(2, -1) for seed in range(40)]
    assert np.mean([np.corrcoef(pair)[0, 1] for pair in pairs]) == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_spectrum_of_a_family_is_that_of_its_docstring(seed):
    """Power falls to 1/e at one standard deviation of the filter, so that its own is smaller by sqrt(2).

    Over log frequency, 1/f is flat: the area of an octave grows as the power falls.
    """
    rng = np.random.default_rng(seed)
    theta, octave, width_deg = rng.uniform(0, np.pi), rng.uniform(*np.log2([0.7, 2.8])), rng.uniform(15, 45)
    textures = family_textures(30, seed=seed) / 127.5 - 1
    power = (np.abs(np.fft.fft2(textures)) ** 2).mean(axis=0)
    power[0, 0] = 0
    fy, fx = np.meshgrid(*[np.fft.fftfreq(IMAGE_SIZE, 1 / PIXELS_PER_DEGREE)] * 2, indexing="ij")
    octaves = np.log2(np.maximum(np.hypot(fy, fx), 1 / 8)) - octave
    turned = np.rad2deg(np.angle(np.exp(2j * (np.arctan2(fy, fx) - theta)))) / 2
    assert np.average(octaves, weights=power) == pytest.approx(0, abs=0.1)
    assert np.average(turned, weights=power) == pytest.approx(0, abs=4)
    assert np.sqrt(np.average(octaves**2, weights=power)) == pytest.approx(0.5 / np.sqrt(2), rel=0.15)
    assert np.sqrt(np.average(turned**2, weights=power)) == pytest.approx(width_deg / np.sqrt(2), rel=0.15)


def test_contrasts_lie_between_a_tenth_and_three_tenths():
    contrasts = (family_textures(200, seed=0)[:, ::2, ::2] / 127.5 - 1).std(axis=(1, 2))
    assert contrasts.min() == pytest.approx(0.1, abs=0.02) and contrasts.max() == pytest.approx(0.3, abs=0.03)


def test_it_is_plainly_labelled_and_reproducible(benchmark, tmp_path):
    assert benchmark.identifier == "simulated-V1-80x20x10-seed3-pls"
    assert benchmark.ceiling.attrs["simulated"] and benchmark._assembly.attrs["simulated"]
    again = simulated_benchmark(tmp_path, n_stimuli=80, n_neurons=20, seed=3)
    np.testing.assert_array_equal(again._assembly.values, benchmark._assembly.values)
    other = simulated_benchmark(tmp_path / "other", n_stimuli=80, n_neurons=20, seed=4)
    assert (other._assembly.values != benchmark._assembly.values).mean() > 0.5
    assert benchmark._visual_degrees == 8 and np.array(benchmark.timebins[0].tolist()).tolist() == [50, 200]
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
        ({"n_stimuli": 81}, "n_stimuli is 81; it must be a multiple of 8"),
        ({"n_stimuli": 0}, "n_stimuli is 0"),
        ({"repetitions": 1}, "60 neurons and 1 repetitions; needs at least 1 and 2"),
        ({"n_neurons": 0}, "0 neurons"),
        ({"n_stimuli": 16}, "16 stimuli are too few for 'pls'"),
    ],
)
def test_refusals(settings, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        simulated_benchmark(tmp_path, **settings)
