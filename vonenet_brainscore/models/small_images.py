"""Settings of a VOneBlock for small images: the published filters in degrees, on fewer pixels."""

import math
from typing import Any

from ..arguments import check_real, check_whole
from .gabors import SF_EDGES_CPD

# The published VOneBlock (Dapello, Marques et al. 2020, NeurIPS 33:13073): 224 pixels span 8 degrees.
_PIXELS_PER_DEGREE, _KSIZE, _STRIDE = 28, 25, 4
_LEAST_PIXELS_PER_DEGREE = 4  # with which a filter has 3 pixels a side, the least that have an orientation


def small_image_settings(
    image_size: int, visual_degrees: float | None = None, *, simple_channels: int = 32, complex_channels: int = 32
) -> dict[str, Any]:
    """Arguments of `get_model` for images of `image_size` pixels.

    Filters and the distances between cells stay as large in degrees as the published ones (25 and 4 pixels of 1/28
    degree), and the noise stays as it is. What changes is which spatial frequencies there are: `image_size` pixels that
    span `visual_degrees` carry at most ``image_size / visual_degrees / 2`` cycles/degree (Nyquist), so that bins of
    De Valois et al. 1982 that reach beyond it are left out. Fewer degrees keep more of the frequencies and fewer cells:

    ============== ========= ================== ===== ====== =======================
    pixels/degree  Nyquist   highest frequency  ksize stride cells a degree and side
    ============== ========= ================== ===== ====== =======================
    28             14 cpd    8 cpd, all bins    25    4      7
    16             8 cpd     8 cpd, all bins    15    2      8
    14             7 cpd     5.6 cpd            13    2      7
    8              4 cpd     4 cpd              7     1      8
    4              2 cpd     2 cpd              3     1      4
    ============== ========= ================== ===== ====== =======================

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
    TypeError
        If an argument is not of its kind.
    ValueError
        If a size is not positive, fewer than 4 pixels make a degree, or the image is smaller than a filter.

    Examples
    --------
    >>> from vonenet_brainscore import get_model, small_image_settings
    >>> settings = small_image_settings(28, simple_channels=4, complex_channels=4)
    >>> get_model(None, **settings).vone_block.image_size
    28
    """
    check_whole(image_size=image_size, simple_channels=simple_channels, complex_channels=complex_channels)
    visual_degrees = 2 * image_size / _PIXELS_PER_DEGREE if visual_degrees is None else visual_degrees
    check_real(visual_degrees=visual_degrees)
    if not (image_size >= 1 and 0 < visual_degrees < math.inf):
        raise ValueError(f"image_size={image_size}, visual_degrees={visual_degrees}: both must be positive")
    pixels_per_degree = image_size / visual_degrees
    if pixels_per_degree < _LEAST_PIXELS_PER_DEGREE:
        raise ValueError(
            f"{image_size} pixels over {visual_degrees:g} degrees carry at most {pixels_per_degree / 2:.2g} "
            f"cycles/degree, too few for filters; give at most {image_size / _LEAST_PIXELS_PER_DEGREE:g} degrees"
        )
    scale = pixels_per_degree / _PIXELS_PER_DEGREE
    ksize = 2 * round((_KSIZE * scale - 1) / 2) + 1
    if image_size < ksize:
        raise ValueError(f"an image of {image_size} pixels is smaller than a filter of {ksize}; give more degrees")
    return {
        "image_size": image_size,
        "visual_degrees": visual_degrees,
        "sf_max": float(SF_EDGES_CPD[pixels_per_degree / 2 >= SF_EDGES_CPD][-1]),
        "ksize": ksize,
        "stride": max(1, round(_STRIDE * scale)),
        "simple_channels": simple_channels,
        "complex_channels": complex_channels,
    }
