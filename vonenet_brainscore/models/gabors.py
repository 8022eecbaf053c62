"""The Gabor filters of the VOneBlock: their parameters, sampled from primate V1, and their kernels.

The published distributions stand below as literal tables: the edges of their bins, and the cells counted in each.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ..arguments import check_whole
from .settings import DEFAULTS, checked_settings

FloatArray = NDArray[np.float64]

# Preferred orientation in degrees. De Valois, Yund & Hepler 1982, Vision Res 22:531, n = 246 cells.
ORIENTATION_EDGES_DEG = np.array([-22.5, 22.5, 67.5, 112.5, 157.5])
ORIENTATION_COUNTS = np.array([66, 49, 77, 54])

# Peak spatial frequency in cycles/degree. De Valois, Albrecht & Thorell 1982, Vision Res 22:545, simple foveal cells,
# n = 139. The published fifth bin holds 33; 32 is what the released VOneNets were sampled from, and stands.
SF_EDGES_CPD = np.array([0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 5.6, 8.0])
SF_COUNTS = np.array([4, 4, 8, 25, 32, 26, 28, 12])

# Sigma of the Gaussian envelope in periods of the carrier, jointly along (nx, rows) and across it (ny, columns).
# Ringach 2002, J Neurophysiol 88:455, simple cells, n = 79.
ENVELOPE_EDGES = np.logspace(-1, 0.2, 6)
ENVELOPE_COUNTS = np.array(
    [
        [2, 0, 1, 0, 0],
        [8, 9, 4, 1, 0],
        [1, 2, 19, 17, 3],
        [0, 0, 1, 7, 4],
        [0, 0, 0, 0, 0],
    ]
)

# More are a mistake, and would fill memory before anything says so: the published models have 512.
MOST_FILTERS = 2**20


@dataclass(frozen=True, eq=False)
class GaborParameters:
    """Parameters of a bank of Gabor filters, each an array of shape (channel,).

    Attributes
    ----------
    sf_cpd
        Spatial frequency of the carrier, cycles/degree.
    theta_deg
        Orientation, degrees.
    phase_deg
        Phase of the carrier at the centre of the filter, degrees. The quadrature filter's is 90 degrees more.
    nx, ny
        Sigma of the Gaussian envelope along and across the carrier, in periods of the carrier.
    """

    sf_cpd: FloatArray
    theta_deg: FloatArray
    phase_deg: FloatArray
    nx: FloatArray
    ny: FloatArray

    def __len__(self) -> int:
        return len(self.sf_cpd)


def sample_gabor_parameters(
    features: int,
    *,
    seed: int = DEFAULTS["gabor_seed"],
    sf_corr: float = DEFAULTS["sf_corr"],
    sf_max: float = DEFAULTS["sf_max"],
    sf_min: float = DEFAULTS["sf_min"],
    rand_param: bool = DEFAULTS["rand_param"],
) -> GaborParameters:
    """Gabor parameters drawn from the primate distributions, or from uniform ones over the same ranges.

    Spatial frequency and nx are correlated through a Gaussian copula; ny is drawn given the bin of nx (Dapello, Marques
    et al. 2020, NeurIPS 33:13073). The stream is numpy's legacy generator, whose bits never change.

    Parameters
    ----------
    features : int
        Number of filters.
    seed : int
        Of ``numpy.random.RandomState``.
    sf_corr : float
        Correlation of the copula between spatial frequency and nx, in [-1, 1]. Unused with `rand_param`.
    sf_max, sf_min : float
        Bins that reach outside [sf_min, sf_max] cycles/degree are left out.
    rand_param : bool
        Uniform distributions: orientation linear, spatial frequency over the octaves of the same bins (whose edges must
        then lie strictly below `sf_max`), nx and ny in log10 and independent.

    Returns
    -------
    GaborParameters
        `features` of them.

    Raises
    ------
    ValueError
        If `features` is not positive, `sf_corr` not a correlation, or no whole bin lies between `sf_min` and `sf_max`.
    TypeError
        If an argument is no number.
    """
    check_whole(features=features)
    given = {"sf_corr": sf_corr, "sf_max": sf_max, "sf_min": sf_min, "rand_param": rand_param, "gabor_seed": seed}
    checked_settings(given)
    if not 1 <= features <= MOST_FILTERS:
        raise ValueError(f"features is {features}; a filter bank needs at least 1, and at most {MOST_FILTERS}")
    below_max = np.less if rand_param else np.less_equal
    in_range = np.greater_equal(SF_EDGES_CPD, sf_min) & below_max(SF_EDGES_CPD, sf_max)
    if in_range.sum() < 2:
        raise ValueError(
            f"no spatial-frequency bin lies between sf_min={sf_min} and sf_max={sf_max}; "
            f"the edges are {', '.join(map(str, SF_EDGES_CPD))} cycles/degree"
        )
    log_sf_edges = np.log2(SF_EDGES_CPD[in_range])
    log_envelope_edges = np.log10(ENVELOPE_EDGES)
    random = np.random.RandomState(seed)

    phase = 360 * random.random_sample(features)
    if rand_param:
        theta = 180 * random.random_sample(features)
        log_sf = inverse_cdf(random.random_sample(features), np.ones(len(log_sf_edges) - 1), log_sf_edges)
        log_nx, log_ny = (
            inverse_cdf(random.random_sample(features), np.ones(1), log_envelope_edges[[0, -1]]) for _ in range(2)
        )
        return GaborParameters(2**log_sf, theta, phase, 10**log_nx, 10**log_ny)

    theta = inverse_cdf(random.random_sample(features), ORIENTATION_COUNTS, ORIENTATION_EDGES_DEG)
    theta = np.where(theta < 0, theta + 180, theta)
    normals = random.multivariate_normal([0, 0], [[1, sf_corr], [sf_corr, 1]], features)  # (channel, [nx, sf])
    nx_quantile, sf_quantile = ndtr(normals).T
    ny_quantile = random.random_sample(features)

    log_nx = inverse_cdf(nx_quantile, ENVELOPE_COUNTS.sum(axis=1), log_envelope_edges)
    log_ny = np.empty(features)
    nx_bin = np.searchsorted(log_envelope_edges, log_nx) - 1
    for row in np.unique(nx_bin):
        log_ny[nx_bin == row] = inverse_cdf(ny_quantile[nx_bin == row], ENVELOPE_COUNTS[row], log_envelope_edges)
    sf_counts = SF_COUNTS[in_range[:-1] & in_range[1:]]
    log_sf = inverse_cdf(sf_quantile, sf_counts, log_sf_edges)
    return GaborParameters(2**log_sf, theta, phase, 10**log_nx, 10**log_ny)


def gabor_kernels(
    parameters: GaborParameters, *, pixels_per_degree: float, ksize: int = DEFAULTS["ksize"], phase_shift_deg: float = 0
) -> FloatArray:
    """Kernels of Gabor filters.

    ``exp(-(u²/sx² + v²/sy²) / 2) / (2 pi sx sy) * cos(2 pi f u + phase)`` with ``u = x cos(theta) + y sin(theta)``,
    ``v = -x sin(theta) + y cos(theta)``, ``sx = nx / f``, ``sy = ny / f`` (Jones & Palmer 1987, J Neurophysiol
    58:1233). x counts rows and y columns from the centre of the kernel, as in the released VOneNets.

    Parameters
    ----------
    parameters : GaborParameters
    pixels_per_degree : float
        Image size over the visual degrees it spans.
    ksize : int
        Side of the kernels in pixels, odd.
    phase_shift_deg : float
        Added to every phase; 90 gives the quadrature partners.

    Returns
    -------
    array, shape (channel, ksize, ksize)

    Raises
    ------
    ValueError
        If `ksize` is not odd or out of its range, or `pixels_per_degree` not positive.
    """
    checked_settings({"ksize": ksize})
    if not pixels_per_degree > 0:
        raise ValueError(f"pixels_per_degree is {pixels_per_degree}; it must be positive")
    frequency = _per_channel(parameters.sf_cpd) / pixels_per_degree  # cycles/pixel
    theta = np.deg2rad(_per_channel(parameters.theta_deg))
    phase = np.deg2rad(_per_channel(parameters.phase_deg) + phase_shift_deg)
    sigma_x = _per_channel(parameters.nx) / frequency
    sigma_y = _per_channel(parameters.ny) / frequency
    offset = np.arange(ksize) - ksize // 2
    x, y = offset[:, None], offset
    u = x * np.cos(theta) + y * np.sin(theta)  # (channel, x, y)
    v = y * np.cos(theta) - x * np.sin(theta)
    envelope = np.exp(-((u / sigma_x) ** 2 + (v / sigma_y) ** 2) / 2) / (2 * np.pi * sigma_x * sigma_y)
    return envelope * np.cos(2 * np.pi * frequency * u + phase)


def _per_channel(values: FloatArray) -> FloatArray:
    return values[:, None, None]  # (channel, 1, 1)


def inverse_cdf(quantiles: FloatArray, counts: NDArray, edges: FloatArray) -> FloatArray:
    """Quantiles of a histogram, linear within each bin."""
    cumulative = np.concatenate(([0.0], np.cumsum(counts / counts.sum())))
    return np.interp(quantiles, cumulative, edges)
