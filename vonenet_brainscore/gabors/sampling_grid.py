"""Which Gabor filters can be represented by the pixels and the kernel size of a VOneBlock."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import erfc

from ..models.vone_block import VOneBlock

# The kernel then ends where the Gaussian still has a third (0.38) of its peak: the filter gets an edge of its own.
ENVELOPE_ENERGY_LOST = 0.05


class Sampling(NamedTuple):
    """The pixels that filters are made of."""

    image_size: int
    visual_degrees: float
    ksize: int

    @property
    def pixels_per_degree(self) -> float:
        return self.image_size / self.visual_degrees


PAPER = Sampling(image_size=224, visual_degrees=8, ksize=25)  # Dapello, Marques et al. 2020, NeurIPS 33:13073


def above_nyquist(filters: pd.DataFrame, sampling: Sampling) -> np.ndarray:
    """Filters whose carrier changes by more than half a cycle from one pixel to the next, down or along a row.

    ``max(|cos(theta)|, |sin(theta)|) f > 1/2`` with f in cycles/pixel: the pixels then show a coarser grating of
    another orientation. A diagonal carrier may be finer than one along the pixels.

    Parameters
    ----------
    filters : DataFrame, one row per channel
        From `gabor_table`.
    sampling : Sampling

    Returns
    -------
    bool array, shape (channel,)
    """
    theta = np.deg2rad(filters["orientation"].to_numpy())
    steepest = np.maximum(np.abs(np.cos(theta)), np.abs(np.sin(theta)))
    return steepest * filters["spatial_frequency"].to_numpy() / sampling.pixels_per_degree > 0.5


def beyond_kernel(filters: pd.DataFrame, sampling: Sampling) -> np.ndarray:
    """Filters whose Gaussian is wider than the kernel.

    Along one of the Gaussian's axes more than 5 % of its energy, ``erfc(h / sigma)``, lies farther from the centre than
    half the kernel, h pixels: sigma is above 0.72 h. Parameters as for `above_nyquist`.

    Returns
    -------
    bool array, shape (channel,)
    """
    sigma = filters[["width", "length"]].max(axis=1).to_numpy() * sampling.pixels_per_degree  # pixels
    return erfc(sampling.ksize / 2 / sigma) > ENVELOPE_ENERGY_LOST


def sampling_table(block: VOneBlock, filters: pd.DataFrame) -> pd.DataFrame:
    """Numbers of filters that cannot be represented, in the paper's setting and in the block's.

    Returns
    -------
    DataFrame, one row per setting
        The setting; `nyquist_cpd` along the pixels; `n_filters`, of them `above_nyquist` and `beyond_kernel` (see the
        functions), and `either`.

    Raises
    ------
    TypeError
        If these are no VOneBlock and no table.

    Examples
    --------
    >>> from vonenet_brainscore import gabor_table, get_model, sampling_table
    >>> block = get_model(None, simple_channels=4, complex_channels=4).vone_block
    >>> int(sampling_table(block, gabor_table(block)).loc["this model", "n_filters"])
    8
    """
    if not isinstance(block, VOneBlock) or not isinstance(filters, pd.DataFrame):
        raise TypeError(
            f"block and filters are a {type(block).__name__} and a {type(filters).__name__}; give a VOneBlock and what "
            "gabor_table says of it"
        )
    own = Sampling(block.image_size, block.visual_degrees, block.ksize)
    rows = {}
    for name, sampling in (("paper", PAPER), ("this model", own)):
        aliased, cut = above_nyquist(filters, sampling), beyond_kernel(filters, sampling)
        rows[name] = {
            **sampling._asdict(),
            "nyquist_cpd": sampling.pixels_per_degree / 2,
            "n_filters": len(filters),
            "above_nyquist": int(aliased.sum()),
            "beyond_kernel": int(cut.sum()),
            "either": int((aliased | cut).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("setting")
