"""Pictures placed on a subject's screen, to the pixel as Brain-Score places a PNG, from files of every format.

Brain-Score's `place_on_screen` writes each placed picture in the format of its file, which JPEG and WebP do not store
exactly. The functions of this module replace Brain-Score's inner functions during one call.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..brainscore import replaced
from .images import OnScreen, Picture, as_picture
from .picture_files import picture_size


@contextmanager
def placed_exactly(folder: Path | None = None) -> Iterator[None]:
    """Brain-Score's `place_on_screen` places pictures exactly within the context.

    Parameters
    ----------
    folder : Path, optional
        Folder for the placed pictures, as PNG, for subjects that read files. Without it, the `stimulus_paths` of a
        placed set are `OnScreen`s, which this package's subjects read without a file.
    """
    from brainscore_vision.benchmark_helpers import screen

    if folder is not None:
        with replaced(screen, root_path=folder, ImageConverter=_ExactConverter):
            yield
    else:
        with replaced(screen, _place_on_screen=_placed_in_memory):
            yield


def check_screen(path: str | PathLike, ratio: float) -> OnScreen:
    """A picture file on a screen `ratio` times as wide, unless the screen has more pixels than can be decoded.

    Raises
    ------
    ValueError
        If the screen would have none, or more than twice `PIL.Image.MAX_IMAGE_PIXELS`, beyond which Pillow, and with it
        Brain-Score, takes a picture for an attack; before anything is decoded.
    """
    placed = OnScreen(Path(path), float(ratio))
    width, height = picture_size(path)
    rows, columns = placed.size((height, width))
    if not rows * columns:
        raise ValueError(f"{path} has {width} x {height} pixels, of which a screen {ratio:g} times as wide shows none")
    most = 2 * (Image.MAX_IMAGE_PIXELS or np.inf)
    if rows * columns > most:
        side = int((most**0.5) / ratio)
        raise ValueError(
            f"{path} of {width} x {height} pixels needs a screen of {columns} x {rows} pixels, since the screen is "
            f"{ratio:g} times as wide as the picture in visual degrees. That is more than can be decoded; make the "
            f"pictures smaller, at most {side} x {side} pixels, or check the degrees that they span"
        )
    return placed


def on_screen(image: Any, ratio: float) -> OnScreen | Picture:
    """An image on a screen `ratio` times as wide: a file as `check_screen` returns it, any other image as a picture."""
    if isinstance(image, str | PathLike):
        return check_screen(image, ratio)
    return OnScreen(Path(), ratio).show(as_picture(image).pixels)


def _placed_in_memory(
    stimuli_identifier: str,
    stimulus_set: Any,
    target_visual_degrees: float,
    source_visual_degrees: float | None = None,
) -> Any:
    """A set of `OnScreen`s; its name and columns are those that Brain-Score gives a placed set."""
    from brainscore_core.supported_data_standards.brainio.stimuli import StimulusSet

    source = "None" if source_visual_degrees is None else f"{source_visual_degrees:.2f}"
    degrees = np.broadcast_to(source_visual_degrees or stimulus_set["degrees"].to_numpy(), len(stimulus_set))
    paths = {}
    for stimulus_id, width in zip(stimulus_set["stimulus_id"], degrees, strict=True):
        path = stimulus_set.get_stimulus(stimulus_id)
        same = width == target_visual_degrees
        paths[stimulus_id] = path if same else check_screen(path, target_visual_degrees / width)
    placed = StimulusSet(stimulus_set.copy(deep=True))
    placed.stimulus_paths = paths
    placed.identifier = f"{stimuli_identifier}--target{target_visual_degrees:.2f}--source{source}"
    placed["degrees"] = target_visual_degrees
    return placed


class _ExactConverter:
    """Writes placed pictures as PNG, which loses nothing; made and called by Brain-Score's `_place_on_screen`."""

    def __init__(self, target_dir: Path) -> None:
        self._target_dir = Path(target_dir)

    def convert_image(self, image_path: str | PathLike, source_degrees: float, target_degrees: float) -> Any:
        if source_degrees == target_degrees:
            return image_path
        placed = check_screen(image_path, target_degrees / source_degrees)
        target = self._target_dir / f"{Path(image_path).name}.png"
        Image.fromarray(placed.picture().pixels).save(target)
        return str(target)
