"""The surrounds of the VOneBlock's cells: their strengths, their extents, and the cells that they pool."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ive

from ..arguments import check_seed
from .gabors import GaborParameters, inverse_cdf
from .normalisation import Normalisation
from .suppression_counts import SUPPRESSION

FloatArray = NDArray[np.float64]

# A cell that is suppressed altogether would have an infinite weight; indices beyond are set to this one. Chosen here:
# of the sites of Li et al. 2022 three in a hundred lie above it.
STRONGEST_SUPPRESSION = 0.95
# Widths of pools. A von Mises function wider than 180 degrees never falls to half its height; narrower ones than these
# would have as many features as there are channels.
ORIENTATION_WIDTHS_DEG, OCTAVES = (10, 180), (0.5, 10)
# Terms of a periodic kernel's Fourier series below this share of the largest are left out: float32 holds none of them.
_NEGLIGIBLE = 1e-9


def sample_suppression(distribution: str | float, channels: int, *, seed: int = 0) -> FloatArray:
    """Suppression indices of a bank's channels.

    Parameters
    ----------
    distribution : str or float
        Key of `SUPPRESSION`, whose histogram is sampled, linear within each bin; or an index for all.
    channels : int
    seed : int
        Of ``numpy.random.RandomState``, whose bits never change.

    Returns
    -------
    array, shape (channel,)
        In [0, `STRONGEST_SUPPRESSION`]: of a grating of the channel's own orientation and frequency, of full contrast
        and without end, the share of the response that the surround takes.

    Raises
    ------
    ValueError
        If the distribution is unknown, or the index not in [0, `STRONGEST_SUPPRESSION`].
    """
    check_seed(seed, "surround_seed")
    if not isinstance(distribution, str):
        if not 0 <= distribution <= STRONGEST_SUPPRESSION:
            raise ValueError(f"suppression index {distribution}; it must lie in [0, {STRONGEST_SUPPRESSION}]")
        return np.full(channels, float(distribution))
    if distribution not in SUPPRESSION:
        raise ValueError(f"unknown surround {distribution!r}; have {', '.join(SUPPRESSION)}, or an index")
    row = SUPPRESSION[distribution]
    quantiles = np.random.RandomState(seed).random_sample(channels)
    return np.minimum(inverse_cdf(quantiles, np.array(row.counts), np.array(row.edges)), STRONGEST_SUPPRESSION)


def surround_widths(parameters: GaborParameters, extent: float, unit: str) -> FloatArray:
    """Standard deviations of the surrounds' Gaussians in degrees, (channel,).

    Parameters
    ----------
    parameters : GaborParameters
    extent : float
        In units of `unit`.
    unit : {'envelope', 'cycle'}
        The geometric mean ``sqrt(nx ny) / f`` of the two standard deviations of the channel's own Gabor, or the period
        ``1 / f`` of its carrier.
    """
    if unit not in ("envelope", "cycle"):
        raise ValueError(f"unknown unit {unit!r} of the surround's extent; have 'envelope', 'cycle'")
    envelope = np.sqrt(parameters.nx * parameters.ny) if unit == "envelope" else 1.0
    return extent * envelope / parameters.sf_cpd


def pool_features(
    parameters: GaborParameters, *, orientation_width_deg: float = 60, octaves: float = np.inf
) -> FloatArray:
    """Features F of a bank's channels whose inner products are the weights with which a surround pools channels.

    ``F F'`` is the product of a von Mises function of the difference in orientation, ``exp(kappa (cos(2 d) - 1))``, and
    a Gaussian of the difference in log frequency. Because these are smooth, few features suffice (19 of
    orientation at 60 degrees), whereas a full matrix would be (channel, channel).

    Parameters
    ----------
    parameters : GaborParameters
    orientation_width_deg, octaves : float
        Full widths at half height, in orientation and in spatial frequency. Infinity pools all alike.

    Returns
    -------
    array, shape (channel, feature)

    Raises
    ------
    ValueError
        If a width is neither infinite nor one that the function can have and few features describe.
    """
    for name, width, (low, high) in (
        ("orientation_width_deg", orientation_width_deg, ORIENTATION_WIDTHS_DEG),
        ("octaves", octaves, OCTAVES),
    ):
        if not low <= width <= high and not np.isposinf(width):
            raise ValueError(f"{name} is {width}; it must lie in [{low}, {high}], or be infinite to pool all alike")
    flat = np.isinf(orientation_width_deg)
    kappa = 0.0 if flat else np.log(2) / (1 - np.cos(np.deg2rad(orientation_width_deg)))
    # exp(kappa (cos a - 1)) = sum_m I_m(kappa) exp(-kappa) cos(m a), m from -infinity to infinity
    orders = np.arange(200.0)
    angle = np.deg2rad(2 * parameters.theta_deg)
    features = _periodic_features(angle, ive(orders, kappa))
    if np.isinf(octaves):
        return features
    sigma = octaves / np.sqrt(8 * np.log(2))
    log_sf = np.log2(parameters.sf_cpd)
    # A period so long that the Gaussians of neighbouring periods do not meet.
    period = np.ptp(log_sf) + 7 * sigma
    series = np.exp(-2 * (np.pi * orders * sigma / period) ** 2) * sigma * np.sqrt(2 * np.pi) / period
    by_frequency = _periodic_features(2 * np.pi * log_sf / period, series)
    return (features[:, :, None] * by_frequency[:, None]).reshape(len(features), -1)


def _periodic_features(angle: FloatArray, series: FloatArray) -> FloatArray:
    """Features whose inner products are ``series[0] + 2 sum_m series[m] cos(m (angle_c - angle_j))``."""
    series = series[series > _NEGLIGIBLE * series[0]]
    phase = angle[:, None] * np.arange(1, len(series))  # (channel, order)
    weight = np.sqrt(2 * series[1:])
    constant = np.full((len(angle), 1), np.sqrt(series[0]))
    return np.concatenate([constant, weight * np.cos(phase), weight * np.sin(phase)], axis=1)


def grating_energy(q0: FloatArray, q1: FloatArray, frequencies: FloatArray) -> FloatArray:
    """Mean over phase of ``(x / a)²`` of cells to gratings of full contrast without end, from the kernels alone.

    x is a cell's rate and a the largest that a Gabor of its type can have to a grating, so that simple and complex
    cells weigh alike. With K the Fourier transform of a kernel at the grating's frequency, a simple cell's ``relu(q0)``
    has the mean square ``|K0|² / 4`` and a = 1/2; a complex cell's ``sqrt((q0² + q1²) / 2)`` has
    ``(|K0|² + |K1|²) / 4`` and a = sqrt(1/8).

    Parameters
    ----------
    q0 : array, shape (channel, y, x)
        Kernels of the simple and the complex cells.
    q1 : array, shape (complex channel, y, x)
        Quadrature partners of the last of them.
    frequencies : array, shape (grating, 2)
        (y, x), cycles/pixel.

    Returns
    -------
    array, shape (grating, channel)
    """
    offset = np.arange(q0.shape[-1]) - q0.shape[-1] // 2
    phase = 2 * np.pi * (frequencies[:, :1, None] * offset[:, None] + frequencies[:, 1:, None] * offset)
    waves = phase.reshape(len(frequencies), -1)  # (grating, pixel)
    kernels = np.concatenate([q0, q1]).reshape(len(q0) + len(q1), -1).T  # (pixel, kernel)
    power = (np.cos(waves) @ kernels) ** 2 + (np.sin(waves) @ kernels) ** 2
    simple = len(q0) - len(q1)
    energy = power[:, : len(q0)].copy()
    energy[:, simple:] = 2 * (power[:, simple : len(q0)] + power[:, len(q0) :])
    return energy


def made_surround(
    parameters: GaborParameters, q0: FloatArray, q1: FloatArray, settings: Mapping[str, Any]
) -> Normalisation | None:
    """The stage that gives the cells of a bank their surrounds; None if the settings have none.

    With s the suppression index of a channel, its strength is ``s / (1 - s)``: the channel's own grating of full
    contrast and without end has a pool of 1, so that its response is ``1 / (1 + s / (1 - s)) = 1 - s`` of what it would
    be.

    Parameters
    ----------
    parameters, q0, q1
        The bank, as for `grating_energy`.
    settings : mapping
        Those of a VOneBlock.

    Raises
    ------
    ValueError
        If `pool_features` refuses a width of the pool.
    """
    if settings["surround"] is None:
        return None
    suppression = sample_suppression(settings["surround"], len(parameters), seed=settings["surround_seed"])
    widths = surround_widths(parameters, settings["surround_extent"], settings["surround_unit"])  # degrees
    features = pool_features(
        parameters, orientation_width_deg=settings["surround_orientation"], octaves=settings["surround_octaves"]
    )
    pixels_per_degree = settings["image_size"] / settings["visual_degrees"]
    angle = np.deg2rad(parameters.theta_deg)
    carrier = np.stack([np.cos(angle), np.sin(angle)], axis=1) * parameters.sf_cpd[:, None]  # (channel, [y, x])
    return Normalisation(
        features,
        widths * pixels_per_degree / settings["stride"],
        suppression / (1 - suppression),
        grating_energy(q0, q1, carrier / pixels_per_degree),
        simple_channels=len(q0) - len(q1),
    )
