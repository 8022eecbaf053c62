"""A check that all stimuli are different pictures, so that none is in both training and test sets."""

import warnings
from collections.abc import Hashable, Mapping

import numpy as np
from PIL import Image

from ..stimuli.images import Picture

_EDGE = 16  # pixels of the small grey versions by which nearly equal pictures are found
# Saving a picture as JPEG or at another size changes its small version by about 1 % of its standard deviation.
_NEARLY_EQUAL = 0.02
_AT_ONCE = 256  # pictures compared with all others at a time, to limit memory


def small_version(picture: Picture) -> np.ndarray:
    """Grey values averaged down to a small square: float32 array, shape (pixel,)."""
    grey = Image.fromarray(picture.pixels).convert("L")
    return np.asarray(grey.resize((_EDGE, _EDGE), Image.Resampling.BOX), np.float32).ravel()


def check_distinct(contents: Mapping[Hashable, bytes], small_versions: np.ndarray) -> None:
    """Raise ValueError if two stimuli are the same picture, and warn if two pictures are nearly equal.

    Cross-validation splits stimuli by name. A regression that saw a test picture in training knows the responses to the
    picture regardless of the model's features: even randomly tuned neurons then seem to be predicted well.

    Parameters
    ----------
    contents : mapping from stimulus id to the key of its decoded picture (`Picture.content`)
    small_versions : array, shape (stimulus, pixel)
        `small_version` of each, in the same order.

    Raises
    ------
    ValueError
        If two stimuli have the same decoded pixels.

    Warns
    -----
    UserWarning
        If the small versions of two stimuli differ by less than 2 % of their standard deviation (root mean square), as
        those of one picture in two file formats or sizes do.
    """
    first: dict[bytes, Hashable] = {}
    again = [(first[content], name) for name, content in contents.items() if first.setdefault(content, name) != name]
    if again:
        one, other = again[0]
        raise ValueError(
            f"{len(contents)} stimuli are {len(first)} different pictures: {other!r} is the same picture as {one!r}, "
            "so that training and test would share it. Give each picture once, and its presentations as repetitions: "
            "an array (stimulus, neuron, repetition), or a table whose rows give the stimulus and the 'repetition'"
        )
    names = list(contents)
    pairs = _nearly_equal(small_versions)
    if pairs:
        one, other = (names[row] for row in pairs[0])
        warnings.warn(
            f"{len(pairs)} pairs of stimuli look the same, for example {one!r} and {other!r}. If these are one picture "
            "in two files, training and test share it and the score is too high: give the picture once, with its "
            "presentations as repetitions",
            stacklevel=2,
        )


def _nearly_equal(small_versions: np.ndarray) -> list[tuple[int, int]]:
    """Pairs of rows that differ by less than `_NEARLY_EQUAL` of their standard deviation."""
    squared = (small_versions**2).sum(axis=1, dtype=np.float64)
    variance = small_versions.var(axis=1, dtype=np.float64)
    candidates = []
    for start in range(0, len(small_versions), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        # |a - b|^2 = |a|^2 + |b|^2 - 2 a b loses digits in float32, so this only finds pairs for a full comparison.
        distance = squared[some, None] + squared - 2 * (small_versions[some] @ small_versions.T)
        limit = _NEARLY_EQUAL**2 * small_versions.shape[1] * np.maximum(variance[some, None], variance)
        rounding = 1e-5 * (squared[some, None] + squared)
        candidates += [(start + i, j) for i, j in np.argwhere(distance < limit + rounding) if j > start + i]
    return [
        (i, j)
        for i, j in candidates
        if np.mean((small_versions[i] - small_versions[j]) ** 2) < _NEARLY_EQUAL**2 * max(variance[i], variance[j])
    ]
