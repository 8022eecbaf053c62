"""A simulated V1 population with known truth: texture stimuli, spike counts, and the noise ceiling expected of them.

Nothing here is recorded data. The receptive fields are drawn at random and share no parameters with the VOneBlock's.
"""

from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
from PIL import Image

from ..arguments import check_seed, check_whole
from ..brainscore import import_quietly
from ..own_recordings.neural_benchmark import neural_benchmark

# Our choices, which make textures differ like those of Freeman & Ziemba (2013), in spectrum between families and at
# random within a family. Images have the size of a VOneNet's input.
IMAGE_SIZE = 224  # pixels
VISUAL_DEGREES = 8
PIXELS_PER_DEGREE = IMAGE_SIZE / VISUAL_DEGREES
FAMILIES = 8
SHARED_POWER = 0.05  # share of a texture's power that all samples of its family have in common
WINDOW_MS = (50, 200)
SPATIAL_FREQUENCY_CPD = (0.7, 2.8)  # of families and of neurons: two octaves in the middle of the foveal range
MEAN_RATE = (2.0, 15.0)  # spikes/s, over the stimuli
SPONTANEOUS = 0.5  # share of the mean rate that is fired without a stimulus
SEMISATURATION = 0.1  # contrast at which the normalisation pool takes over


def family_textures(samples: int, *, seed: int) -> np.ndarray:
    """Textures of one family: noise of one orientation and spatial frequency band.

    Gaussian noise is filtered by ``exp(-d_theta^2 / 2 s_theta^2 - d_octave^2 / 2 s_octave^2) / f``. A sample is the
    sum of a pattern that all samples share, with `SHARED_POWER` of the power, and of fresh noise of the same spectrum,
    and has its own RMS contrast between 0.1 and 0.3.

    Parameters
    ----------
    samples : int
    seed : int
        Of the family.

    Returns
    -------
    uint8 array, shape (sample, y, x)
    """
    rng = np.random.default_rng(seed)
    fy, fx = np.meshgrid(*[np.fft.fftfreq(IMAGE_SIZE, 1 / PIXELS_PER_DEGREE)] * 2, indexing="ij")  # cycles/degree
    frequency = np.maximum(np.hypot(fy, fx), 1 / VISUAL_DEGREES)
    theta = rng.uniform(0, np.pi)
    d_theta = np.angle(np.exp(2j * (np.arctan2(fy, fx) - theta))) / 2
    d_octave = np.log2(frequency) - rng.uniform(*np.log2(SPATIAL_FREQUENCY_CPD))
    width = np.deg2rad(rng.uniform(15, 45))
    spectrum = np.exp(-((d_theta / width) ** 2) / 2 - (d_octave / 0.5) ** 2 / 2) / frequency
    spectrum[0, 0] = 0  # mean luminance is grey

    def noise() -> np.ndarray:
        pattern = np.fft.ifft2(np.fft.fft2(rng.standard_normal((IMAGE_SIZE, IMAGE_SIZE))) * spectrum).real
        return pattern / pattern.std()

    shared = noise()
    patterns = [np.sqrt(SHARED_POWER) * shared + np.sqrt(1 - SHARED_POWER) * noise() for _ in range(samples)]
    contrast = rng.uniform(0.1, 0.3, samples)[:, None, None]
    return np.clip(127.5 * (1 + contrast * np.stack(patterns)), 0, 255).round().astype(np.uint8)


@dataclass(frozen=True)
class Population:
    """Gabor energy units, normalised by each other.

    Attributes
    ----------
    x_deg, y_deg : arrays, shape (neuron,)
        Receptive-field centres, from the middle of the image.
    theta, phase : arrays, shape (neuron,)
        Orientation of the modulation and phase, radians.
    sf_cpd : array, shape (neuron,)
    sigma_deg : array, shape (neuron,)
        Of the round Gaussian envelope.
    simple : bool array, shape (neuron,)
        True if one half-squared filter drives the unit, False if the energy of a quadrature pair does.
    mean_rate : array, shape (neuron,)
        Over the stimuli, spikes/s.
    """

    x_deg: np.ndarray
    y_deg: np.ndarray
    theta: np.ndarray
    phase: np.ndarray
    sf_cpd: np.ndarray
    sigma_deg: np.ndarray
    simple: np.ndarray
    mean_rate: np.ndarray

    @classmethod
    def draw(cls, n_neurons: int, *, seed: int) -> "Population":
        """A random population within 2 degrees of the centre of gaze, half simple and half complex."""
        rng = np.random.default_rng(seed)
        low, high = SPATIAL_FREQUENCY_CPD
        sf_cpd = low * (high / low) ** rng.uniform(size=n_neurons)
        return cls(
            x_deg=rng.uniform(-2, 2, n_neurons),
            y_deg=rng.uniform(-2, 2, n_neurons),
            theta=rng.uniform(0, np.pi, n_neurons),
            phase=rng.uniform(0, 2 * np.pi, n_neurons),
            sf_cpd=sf_cpd,
            sigma_deg=0.5 / sf_cpd,  # half a period, 1.1 octaves between half heights
            simple=np.arange(n_neurons) % 2 == 0,
            mean_rate=MEAN_RATE[0] * (MEAN_RATE[1] / MEAN_RATE[0]) ** rng.uniform(size=n_neurons),
        )

    def filters(self) -> np.ndarray:
        """Quadrature pairs as complex Gabors, shape (neuron, pixel); the best grating at full contrast gives 1."""
        ticks = (np.arange(IMAGE_SIZE) + 0.5) / PIXELS_PER_DEGREE - VISUAL_DEGREES / 2
        x = ticks - self.x_deg[:, None]  # (neuron, x)
        y = ticks - self.y_deg[:, None]
        squared = x[:, None, :] ** 2 + y[:, :, None] ** 2  # (neuron, y, x)
        envelope = np.exp(-squared / (2 * self.sigma_deg[:, None, None] ** 2))
        along = x[:, None, :] * np.cos(self.theta)[:, None, None] + y[:, :, None] * np.sin(self.theta)[:, None, None]
        carrier = np.exp(1j * (2 * np.pi * self.sf_cpd[:, None, None] * along + self.phase[:, None, None]))
        gabors = (envelope * carrier).reshape(len(self.theta), -1)
        return gabors * (2 / envelope.sum(axis=(1, 2)))[:, None]

    def rates(self, images: np.ndarray) -> np.ndarray:
        """Firing rates in spikes/s: drive over the pooled energy of the neighbours (Heeger 1992, Vis Neurosci 9:181).

        ``b_i + g_i D_i / (s^2 + sum_j w_ij E_j)`` with E_j the energy of unit j's quadrature pair, D_i its energy or,
        for a simple cell, the square of its filter's positive response, w_ij a Gaussian of 1 degree over the distance
        of receptive fields, the spontaneous rate b_i half of `mean_rate`, and the gain g_i such that `mean_rate` is the
        mean over the images.

        Parameters
        ----------
        images : uint8 array, shape (image, y, x)

        Returns
        -------
        array, shape (image, neuron)
        """
        contrast = images.reshape(len(images), -1) / 127.5 - 1
        response = contrast @ self.filters().T  # (image, neuron), complex
        energy = np.abs(response) ** 2
        drive = np.where(self.simple, np.maximum(response.real, 0) ** 2, energy)
        squared = (self.x_deg[:, None] - self.x_deg) ** 2 + (self.y_deg[:, None] - self.y_deg) ** 2
        weights = np.exp(-squared / 2)  # (neuron, neuron)
        normalised = drive / (SEMISATURATION**2 + energy @ (weights / weights.sum(axis=0)))
        return self.mean_rate * (SPONTANEOUS + (1 - SPONTANEOUS) * normalised / normalised.mean(axis=0))


def analytic_ceiling(counts: np.ndarray, repetitions: int) -> float:
    """Limit of the split-half ceiling of Poisson spikes: the median over neurons of ``S / (S + N / repetitions)``.

    S is the variance over stimuli of the expected count. N is the variance of a count given the stimulus (for a Poisson
    count, its mean), averaged over stimuli. The correlation of two halves tends to ``S / (S + 2 N / repetitions)``,
    which the Spearman-Brown correction converts to the above.

    Parameters
    ----------
    counts : array, shape (stimulus, neuron)
        Expected spikes.
    repetitions : int
    """
    signal = counts.var(axis=0)
    return float(np.median(signal / (signal + counts.mean(axis=0) / repetitions)))


def simulated_benchmark(
    directory: str | PathLike,
    *,
    n_stimuli: int = 80,
    n_neurons: int = 60,
    repetitions: int = 10,
    seed: int = 0,
) -> Any:
    """A benchmark on a simulated V1 population, marked as simulated in its identifier and attributes.

    Parameters
    ----------
    directory : path
        Where the textures are written, as PNG files; created if absent.
    n_stimuli : int
        In 8 families of textures; a multiple of 8.
    n_neurons, repetitions : int
    seed : int
        Of stimuli, neurons and spikes.

    Returns
    -------
    brainscore_vision NeuralBenchmark
        `ceiling.attrs['analytic']` is the limit of the ceiling; the identifier starts with 'simulated-V1'.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If n_stimuli is not a multiple of 8, repetitions are fewer than two, or the stimuli too few to cross-validate.

    Examples
    --------
    >>> import tempfile
    >>> from vonenet_brainscore import simulated_benchmark
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     benchmark = simulated_benchmark(folder, n_stimuli=80, n_neurons=4)
    >>> 0.8 < float(benchmark.ceiling) < 1
    True
    """
    if not isinstance(directory, str | PathLike):
        raise TypeError(f"directory is {shortened(directory)}; it must be a path")
    import_quietly()
    check_whole(n_stimuli=n_stimuli, n_neurons=n_neurons, repetitions=repetitions)
    check_seed(seed)
    if n_stimuli < 1 or n_stimuli % FAMILIES:
        raise ValueError(
            f"n_stimuli is {n_stimuli}; it must be a multiple of {FAMILIES}, the number of texture families"
        )
    if n_neurons < 1 or repetitions < 2:
        raise ValueError(f"{n_neurons} neurons and {repetitions} repetitions; needs at least 1 and 2")
    seeds = np.random.SeedSequence(seed).generate_state(FAMILIES + 2)
    samples = n_stimuli // FAMILIES
    images = np.concatenate([family_textures(samples, seed=int(s)) for s in seeds[:FAMILIES]])
    stimulus_set = _written(images, Path(directory), samples)
    window_s = (WINDOW_MS[1] - WINDOW_MS[0]) / 1000
    expected = Population.draw(n_neurons, seed=int(seeds[-2])).rates(images) * window_s  # (stimulus, neuron)
    spikes = np.random.default_rng(seeds[-1]).poisson(expected[..., None], (*expected.shape, repetitions))
    benchmark = neural_benchmark(
        f"simulated-V1-{n_stimuli}x{n_neurons}x{repetitions}-seed{seed}-pls",
        stimulus_set,
        spikes,
        visual_degrees=VISUAL_DEGREES,
        time_bin=WINDOW_MS,
        stratify="family",
    )
    benchmark.ceiling.attrs["analytic"] = analytic_ceiling(expected, repetitions)
    benchmark.ceiling.attrs["simulated"] = benchmark._assembly.attrs["simulated"] = True
    return benchmark


def _written(images: np.ndarray, directory: Path, samples: int) -> Any:
    """The textures in PNG files, as a StimulusSet with their family."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    directory.mkdir(parents=True, exist_ok=True)
    families = [f"family-{number // samples:02d}" for number in range(len(images))]
    ids = [f"{family}-sample-{number % samples:02d}" for number, family in enumerate(families)]
    stimulus_set = StimulusSet({"stimulus_id": ids, "family": families})
    stimulus_set.stimulus_paths = {stimulus_id: directory / f"{stimulus_id}.png" for stimulus_id in ids}
    for path, image in zip(stimulus_set.stimulus_paths.values(), images, strict=True):
        Image.fromarray(image).save(path)
    return stimulus_set
