"""The drifting-grating experiments of Marques et al. 2021: their parameters and their pixels.

Brain-Score draws each grating on a field of 12 degrees and 672 pixels and then crops or pads that field to the
subject's screen. Here the same pixels are drawn directly, and only those that are needed.

Source of the designs: Marques, Schrimpf & DiCarlo 2021, bioRxiv 2021.03.01.433495, as packaged for Brain-Score's
``Marques2020`` benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..arguments import check_real, check_text

if TYPE_CHECKING:
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

FIELD_DEGREES = 12
FIELD_PX = 672
PX_PER_DEGREE = FIELD_PX / FIELD_DEGREES
GREY = np.uint8(128)
PARAMETERS = ("position_y", "position_x", "contrast", "radius", "spatial_frequency", "orientation", "phase")

# Stimulus axes, all from Marques et al. 2021. Degrees of visual angle, cycles/degree, degrees of arc.
PROBED_POSITION = (0.5, 0.5)  # (y, x): where the neurons are probed, below and right of fixation
_CONTRAST = 1.0
_RADIUS = np.logspace(-2.25, 3.25, 12, base=2) / 2
_SPATIAL_FREQUENCY = np.logspace(-1.375, 3.875, 22, base=2)
_ORIENTATION = np.linspace(0, 165, 12)
_PHASE = np.linspace(0, 315, 8)
_MAPPING_POSITION = np.linspace(-2.5, 2.5, 21)
_MAPPING_RADIUS = 1 / 6
_MAPPING_SPATIAL_FREQUENCY = 3.0
_SPATIAL_FREQUENCY_RADIUS = (0.75, 2.25)  # a small and a large aperture for the spatial frequency experiment
_ORIENTATION_CYCLES = (2, 3, 4)  # aperture of the orientation experiment, in cycles of its grating


def _receptive_field() -> list[tuple]:
    # Sorted by column, as the analyses expect; Brain-Score's generator returns an order that its own check rejects.
    return list(
        product(
            _MAPPING_POSITION,
            _MAPPING_POSITION,
            [_CONTRAST],
            [_MAPPING_RADIUS],
            [_MAPPING_SPATIAL_FREQUENCY],
            _ORIENTATION[::3],
            _PHASE[::4],
        )
    )


def _orientation() -> list[tuple]:
    return [
        (*PROBED_POSITION, _CONTRAST, cycles / 2 / frequency, frequency, orientation, phase)
        for cycles in _ORIENTATION_CYCLES
        for frequency, orientation, phase in product(_SPATIAL_FREQUENCY[4:17:4], _ORIENTATION, _PHASE)
    ]


def _spatial_frequency() -> list[tuple]:
    axes = product(_SPATIAL_FREQUENCY_RADIUS, _SPATIAL_FREQUENCY, _ORIENTATION[::2], _PHASE)
    return [(*PROBED_POSITION, _CONTRAST, *rest) for rest in axes]


def _size() -> list[tuple]:
    axes = product(_RADIUS, _SPATIAL_FREQUENCY[4:17:4], _ORIENTATION[::2], _PHASE)
    return [(*PROBED_POSITION, _CONTRAST, *rest) for rest in axes]


def _blank() -> list[tuple]:
    # The background alone. A grating of contrast 0 would be drawn as 127, one grey level below it.
    return [(np.nan, np.nan, 0.0, np.nan, np.nan, np.nan, np.nan)]


GRATING_SETS = {
    "blank": _blank,
    "receptive_field": _receptive_field,
    "orientation": _orientation,
    "spatial_frequency": _spatial_frequency,
    "size": _size,
}


def grating_parameters(name: str) -> pd.DataFrame:
    """Parameters of one grating experiment, one row per presentation, in the order that the tuning analyses expect.

    Rows are sorted by position, radius, spatial frequency, orientation and phase, phase fastest. The orientation
    set, whose radius is 2, 3 or 4 cycles of the grating, is sorted by number of cycles in place of radius.

    Parameters
    ----------
    name : str
        ``'blank'`` (1 row), ``'receptive_field'`` (3528), ``'orientation'`` (1152), ``'spatial_frequency'`` (2112)
        or ``'size'`` (2304).

    Returns
    -------
    DataFrame
        ``position_y``, ``position_x`` and ``radius`` in degrees of visual angle (y downwards, x rightwards, from the
        centre of the screen), ``contrast`` in [0, 1], ``spatial_frequency`` in cycles/degree, ``orientation`` and
        ``phase`` in degrees. The blank has contrast 0 and NaN for all other parameters.

    Raises
    ------
    ValueError
        If there is no such experiment.
    """
    check_text(name=name)
    if name not in GRATING_SETS:
        raise ValueError(f"unknown grating set {name!r}; have {', '.join(GRATING_SETS)}")
    return pd.DataFrame(GRATING_SETS[name](), columns=list(PARAMETERS), dtype=float)


def screen_size(visual_degrees: float) -> int:
    """Side in pixels of a screen of `visual_degrees`: 56 pixels/degree, rounded half to even as Brain-Score does.

    Raises
    ------
    ValueError
        If the screen would have no pixel, or would be wider than the visual field.
    """
    check_real(visual_degrees=visual_degrees)
    size = round(visual_degrees / FIELD_DEGREES * FIELD_PX) if 0 < visual_degrees < 180 else 0
    if size < 1:
        raise ValueError(f"visual_degrees must be at least a pixel wide and less than 180, not {visual_degrees}")
    return size


def field_pixels(
    visual_degrees: float, window: tuple[int, int, int, int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels of the 12-degree field, (y, x), in a window of the subject's screen.

    Negative or outside the field if the screen is wider than the field.

    Raises
    ------
    ValueError
        If the window, (top, left, height, width) in screen pixels, does not lie on the screen.
    """
    size = screen_size(visual_degrees)
    top, left, height, width = (0, 0, size, size) if window is None else window
    if min(top, left) < 0 or min(height, width) < 1 or max(top + height, left + width) > size:
        raise ValueError(f"window {window} (top, left, height, width) does not lie on a screen of {size} x {size} px")
    first = round((FIELD_PX - size) / 2)  # the field pixel at the screen's edge
    return np.arange(top, top + height) + first, np.arange(left, left + width) + first


def render_gratings(
    parameters: pd.DataFrame, *, visual_degrees: float = 8, window: tuple[int, int, int, int] | None = None
) -> np.ndarray:
    """Gratings on the subject's screen, identical to those of Brain-Score's generator and screen in every pixel.

    Inside ``(x - x0)^2 + (y - y0)^2 <= radius^2`` the luminance is
    ``(1 + contrast sin(2 pi f ((x - x0) cos o + (y - y0) sin o) + p)) / 2 * 255``, truncated to integers; elsewhere
    it is 128. Gratings that differ only in radius are drawn once, and nothing outside the largest of their circles is
    computed.

    Parameters
    ----------
    parameters : DataFrame
        As returned by `grating_parameters`: all of it or any rows, in any order.
    visual_degrees : float
        Width of the subject's screen. Beyond 12 degrees it is padded with grey.
    window : (top, left, height, width), optional
        The part to render, in screen pixels; the whole screen by default.

    Returns
    -------
    array of uint8, shape (grating, y, x)
        Grey levels, the same in each colour channel.

    Raises
    ------
    ValueError
        If a parameter is missing or out of range, or the window does not lie on the screen.
    """
    check_gratings(parameters)
    y_px, x_px = field_pixels(visual_degrees, window)
    radii = parameters["radius"].to_numpy()
    images = np.full((len(parameters), len(y_px), len(x_px)), GREY)  # (grating, y, x)
    shown = parameters.reset_index(drop=True).query("contrast > 0")
    drawings = shown.groupby([name for name in PARAMETERS if name != "radius"], sort=False).groups
    for (y0, x0, contrast, frequency, orientation, phase), members in drawings.items():
        rows, y = _extent(y_px, y0, radii[members].max())
        columns, x = _extent(x_px, x0, radii[members].max())
        # Bit equality with the generator depends on this order of operations.
        angle, shift = orientation / 180 * np.pi, phase / 180 * np.pi
        carrier = np.sin((x * np.cos(angle) + (y * np.sin(angle))[:, None]) * frequency * 2 * np.pi + shift)  # (y, x)
        grating = ((carrier * contrast + 1) / 2 * 255).astype(np.uint8)
        squared_distance = x**2 + (y**2)[:, None]
        for member in members:
            images[member, rows, columns] = np.where(squared_distance <= radii[member] ** 2, grating, GREY)
    return images


def grating_stimulus_set(name: str, directory: str | Path, *, visual_degrees: float = FIELD_DEGREES) -> StimulusSet:
    """One grating experiment as PNG files and a Brain-Score ``StimulusSet``, for any ``BrainModel``.

    Parameters
    ----------
    name : str
        As in `grating_parameters`.
    directory : path
        Folder for the images, ``Marques2020_<name>_<row>.png``; created if necessary.
    visual_degrees : float
        Width of the screen that the images fill. With 12, Brain-Score's ``place_on_screen`` places them on the
        subject's screen; with the width of that screen, they need not be placed.

    Returns
    -------
    StimulusSet
        Columns ``stimulus_id`` (row number), ``filename``, ``degrees`` and those of `grating_parameters`, which the
        blank has not. The identifier is ``Marques2020_<name>``, and for another width than 12 degrees the one
        that ``place_on_screen`` gives those images, because Brain-Score's caches know a set by its identifier alone.
    """
    stimuli = gratings_as_images(
        grating_parameters(name), f"Marques2020_{name}", directory, visual_degrees=visual_degrees
    )
    if name == "blank":
        stimuli = stimuli.drop(columns=list(PARAMETERS))
    return stimuli


def gratings_as_images(
    parameters: pd.DataFrame,
    identifier: str,
    directory: str | Path,
    *,
    visual_degrees: float,
    render: Callable[..., np.ndarray] = render_gratings,
) -> StimulusSet:
    """Gratings as PNG files and a Brain-Score ``StimulusSet``.

    Parameters
    ----------
    parameters : DataFrame
        As for `render_gratings`.
    identifier : str
        Also the prefix of the file names.
    directory, visual_degrees
        As for `grating_stimulus_set`.
    render : callable
        `render_gratings`, or another function with the same arguments.

    Returns
    -------
    StimulusSet
        As `grating_stimulus_set`.
    """
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet
    from PIL import Image

    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = [directory / f"{identifier}_{row:04d}.png" for row in range(len(parameters))]
    for row, path in enumerate(paths):
        Image.fromarray(render(parameters.iloc[[row]], visual_degrees=visual_degrees)[0]).save(path)

    stimuli = StimulusSet({"stimulus_id": [str(row) for row in range(len(parameters))]})
    stimuli["filename"] = [path.name for path in paths]
    stimuli["degrees"] = visual_degrees
    stimuli[list(parameters)] = parameters.reset_index(drop=True)
    stimuli.stimulus_paths = dict(zip(stimuli["stimulus_id"], paths, strict=True))
    placed = f"--target{visual_degrees:.2f}--sourceNone" if visual_degrees != FIELD_DEGREES else ""
    stimuli.identifier = identifier + placed
    return stimuli


def _extent(pixels: np.ndarray, centre: float, radius: float) -> tuple[slice, np.ndarray]:
    """Which of the `pixels` of one axis may lie in the circle, and their degrees from its `centre`."""
    degrees = (pixels - FIELD_PX / 2) / PX_PER_DEGREE - centre
    # One pixel more than the radius, since rounding may let a pixel on the rim in; none beyond the field.
    near = (np.abs(degrees) <= radius + 1 / PX_PER_DEGREE) & (pixels >= 0) & (pixels < FIELD_PX)
    start = int(near.argmax())
    extent = slice(start, start + int(near.sum()))
    return extent, degrees[extent]


def check_gratings(parameters: pd.DataFrame) -> None:
    """ValueError if a parameter of a grating is missing, undefined or out of range."""
    missing = [name for name in PARAMETERS if name not in parameters]
    if missing:
        raise ValueError(f"the grating parameters lack {', '.join(missing)}; see grating_parameters")
    contrast = parameters["contrast"].to_numpy()
    if not ((contrast >= 0) & (contrast <= 1)).all():
        raise ValueError("contrast must lie in [0, 1]; a higher one has no grey levels")
    if parameters.loc[contrast > 0, list(PARAMETERS)].isna().any(axis=None):
        raise ValueError("a grating has an undefined parameter (NaN); only the blank, of contrast 0, may")
