"""A VOneBlock for small images: the published one, in degrees, on fewer pixels."""

import math
from typing import Any

from .gabors import SF_EDGES_CPD

# The published VOneBlock (Dapello, Marques et al. 2020, NeurIPS 33:13073): 224 pixels span 8 degrees.
_PIXELS_PER_DEGREE, _KSIZE, _STRIDE = 28, 25, 4


def small_image_settings(
    image_size: int, visual_degrees: float | None = None, *, simple_channels: int = 32, complex_channels: int = 32
) -> dict[str, Any]:
    """Arguments of `get_model` for images of `image_size` pixels.

    Filters and the distances between cells stay as large in degrees as the published ones (25 and 4 pixels of 1/28
    degree), and the noise stays as it is. What changes is which spatial frequencies there are: `image_size` pixels that
    span `visual_degrees` carry at most ``image_size / visual_degrees / 2`` cycles/degree (Nyquist), so that bins of
    De Valois et al. 1982 that reach beyond it are left out. Fewer degrees keep more of the frequencies and fewer cells:

    ============== ========= ==================== =======================
    pixels/degree  Nyquist   highest frequency    cells a degree and side
    ============== ========= ==================== =======================
    28             14 cpd    8 cpd, all bins      7
    16             8 cpd     8 cpd, all bins      8
    14             7 cpd     5.6 cpd              7
    8              4 cpd     4 cpd                8
    4              2 cpd     2 cpd                4
    ============== ========= ==================== =======================

    Parameters
    ----------
    image_size : int
        Side of the images in pixels.
    visual_degrees : float, optional
        Visual angle that they span. By default 14 pixels make a degree, half of what the published ones have: 28 pixels
        span 2 degrees.
    simple_channels, complex_channels : int
        Cells of each type at a position; fewer than the published 256 and 256.

    Returns
    -------
    dict
        `image_size`, `visual_degrees`, `sf_max`, `ksize`, `stride`, `simple_channels`, `complex_channels`.

    Raises
    ------
    ValueError
        If a size is not positive, or the pixels are too coarse for the lowest bin of spatial frequencies.
    """
    visual_degrees = 2 * image_size / _PIXELS_PER_DEGREE if visual_degrees is None else visual_degrees
    if not (image_size >= 1 and 0 < visual_degrees < math.inf):
        raise ValueError(f"image_size={image_size}, visual_degrees={visual_degrees}: both must be positive")
    pixels_per_degree = image_size / visual_degrees
    carried = SF_EDGES_CPD[pixels_per_degree / 2 >= SF_EDGES_CPD]
    if len(carried) < 2:
        raise ValueError(
            f"{image_size} pixels over {visual_degrees:g} degrees carry at most {pixels_per_degree / 2:.2g} "
            f"cycles/degree, and the filters begin with {SF_EDGES_CPD[0]:g} to {SF_EDGES_CPD[1]:g}: give at most "
            f"{image_size / 2 / SF_EDGES_CPD[1]:g} degrees"
        )
    scale = pixels_per_degree / _PIXELS_PER_DEGREE
    return {
        "image_size": image_size,
        "visual_degrees": visual_degrees,
        "sf_max": float(carried[-1]),
        "ksize": 2 * round((_KSIZE * scale - 1) / 2) + 1,
        "stride": max(1, round(_STRIDE * scale)),
        "simple_channels": simple_channels,
        "complex_channels": complex_channels,
    }
