"""Common corruptions of images (Hendrycks & Dietterich 2019, ICLR), and mean corruption error."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from io import StringIO

import numpy as np

from ..arguments import check_seed, check_text, check_whole
from ..brainscore import seeded_global_generator
from ..stimuli.images import content_of
from .corruption_table import CORRUPTION_TABLE, SEVERITIES

SMALLEST_SIDE = 32  # pixels, of an image that can be corrupted: the library's limit

TYPES = tuple(CORRUPTION_TABLE)
# Group -> types.
CORRUPTIONS = {
    group: tuple(name for name, row in CORRUPTION_TABLE.items() if row.group == group)
    for group in dict.fromkeys(row.group for row in CORRUPTION_TABLE.values())
}
# Those that draw from a generator of their own, and take its seed as an argument.
_SEEDED_BY_ARGUMENT = ("impulse_noise", "glass_blur")


def corrupt(pixels: np.ndarray, corruption: str, severity: int, *, seed: int) -> np.ndarray:
    """A corrupted image.

    Strengths are made for photographs of 224 pixels a side. `CORRUPTION_TABLE` says where the images differ from those
    of ImageNet-C; the elastic transform does most.

    Parameters
    ----------
    pixels : uint8 array, shape (y, x, 3)
    corruption : str
        One of `TYPES`.
    severity : int
        1 to 5.
    seed : int
        Together with the image, the type and the severity it makes the random draws, whatever else was corrupted.

    Returns
    -------
    uint8 array, shape (y, x, 3)

    Raises
    ------
    ValueError
        If the type or the severity is unknown, or the image is too small or no uint8 array of that shape.
    TypeError
        If an argument is not of its kind.

    Examples
    --------
    >>> import numpy as np
    >>> from vonenet_brainscore import corrupt
    >>> image = np.full((64, 64, 3), 100, np.uint8)
    >>> corrupt(image, "brightness", 3, seed=0).mean() > 100
    True
    """
    check_text(corruption=corruption)
    check_whole(severity=severity)
    check_seed(seed)
    if corruption not in TYPES:
        raise ValueError(f"unknown corruption {corruption!r}; have {', '.join(TYPES)}")
    if severity not in SEVERITIES:
        raise ValueError(f"severity is {severity}; it is a whole number from 1 to 5")
    if not isinstance(pixels, np.ndarray):
        raise TypeError(f"an image to corrupt is an array, not {type(pixels).__name__}")
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError(f"an image to corrupt is uint8 of shape (y, x, 3), not {pixels.dtype} of {pixels.shape}")
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        raise ValueError(
            f"an image of {pixels.shape[:2]} pixels is too small to corrupt; enlarge it to {SMALLEST_SIDE} at least"
        )
    try:
        from imagecorruptions import corrupt as corrupted
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; corruptions are imagecorruptions-imaug's: pip install 'vonenet_brainscore[robustness]'"
        ) from error

    key = hashlib.sha256(f"{seed} {corruption} {severity} ".encode() + content_of(pixels)).digest()
    number = int.from_bytes(key[:4], "little")
    own = {"seed": number} if corruption in _SEEDED_BY_ARGUMENT else {}
    with seeded_global_generator(number), redirect_stdout(StringIO()):  # the library prints how it mends odd sizes
        return corrupted(pixels, severity=severity, corruption_name=corruption, **own)


def library_version() -> str:
    """The installed version of imagecorruptions-imaug.

    Raises
    ------
    ModuleNotFoundError
        If it is not installed.
    """
    try:
        return version("imagecorruptions-imaug")
    except PackageNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; corruptions are imagecorruptions-imaug's: pip install 'vonenet_brainscore[robustness]'"
        ) from error


def mean_corruption_error(accuracy: Mapping[str, Sequence[float]]) -> float:
    """Mean corruption error relative to AlexNet's published errors, in per cent.

    ``100 mean_c(sum_s E[c, s] / sum_s E_AlexNet[c, s])`` (Hendrycks & Dietterich 2019, section 4): 100 is AlexNet's.
    Its errors are those on ImageNet-C's own files, on the whole validation set. Of images that were corrupted here, or
    of some classes alone, the figure is near mCE but is not it: `CORRUPTION_TABLE` says where the images differ.

    Parameters
    ----------
    accuracy : mapping from type to five accuracies, severities 1 to 5

    Raises
    ------
    ValueError
        If it has not all 15 types at 5 severities.
    """
    if set(accuracy) != set(TYPES) or any(len(each) != len(SEVERITIES) for each in accuracy.values()):
        raise ValueError(f"mCE needs all {len(TYPES)} types at {len(SEVERITIES)} severities; have {sorted(accuracy)}")
    return float(
        100 * np.mean([(1 - np.mean(accuracy[name])) / CORRUPTION_TABLE[name].alexnet_error for name in TYPES])
    )


def group_means(accuracy: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Mean accuracy of each group over those of its types that there are, and their severities.

    Parameters
    ----------
    accuracy : mapping from type to accuracies
    """
    present = {group: [accuracy[name] for name in names if name in accuracy] for group, names in CORRUPTIONS.items()}
    return {group: float(np.mean(each)) for group, each in present.items() if each}
