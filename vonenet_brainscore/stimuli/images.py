"""Images as a network sees them: decoded and resized with Pillow, exactly as by torchvision."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .picture_files import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from .picture_files import bits_per_channel, open_picture

# Modes whose 8-bit RGB form is exact. Pillow clips 16- and 32-bit pixels when it converts, so those are refused.
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")
_SCREEN_GREY = 128  # Brain-Score's background, Pillow's 'gray'


@dataclass(frozen=True)
class Picture:
    """Pixels, and a key that identifies the picture.

    Attributes
    ----------
    pixels : uint8 array, shape (y, x, 3)
        RGB.
    content : bytes
        The key of noise draws: equal for equal pictures, independent of their file, name or position in a list.
    """

    pixels: np.ndarray
    content: bytes

    @property
    def is_grey(self) -> bool:
        """Whether the three colour channels are equal everywhere."""
        return first_colour(self.pixels) is None


@dataclass(frozen=True)
class OnScreen:
    """A picture file in the middle of a grey screen, cropped to the screen if necessary.

    The file is decoded and placed at each call of `picture`, so that a set of screens takes no memory.

    Attributes
    ----------
    path : Path
    ratio : float
        Width of the screen over the width of the picture, both in visual degrees.
    """

    path: Path
    ratio: float

    def __str__(self) -> str:
        return str(self.path)

    def size(self, of_picture: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the screen for a picture of this height and width, in pixels.

        The screen's pixels are as large as the picture's. Halves are rounded to even, as in Brain-Score.
        """
        height, width = (int(np.round(self.ratio * side)) for side in of_picture)
        return height, width

    def corner(self, of_picture: tuple[int, int]) -> tuple[int, int]:
        """Row and column of the screen at which the picture's first pixel lies; negative if the picture is cropped."""
        sides = zip(self.size(of_picture), of_picture, strict=True)
        if self.ratio >= 1:
            row, column = (int(np.round((screen - picture) / 2)) for screen, picture in sides)
        else:
            row, column = (-int(np.round((picture - screen) / 2)) for screen, picture in sides)
        return row, column

    def visible(self) -> np.ndarray:
        """The part of the picture that is on the screen, uint8 (y, x, 3); errors are those of `read_image`."""
        return self._crop(read_pixels(self.path))

    def _crop(self, pixels: np.ndarray) -> np.ndarray:
        if self.ratio >= 1:
            return pixels
        rows, columns, _ = pixels.shape
        (height, width), (row, column) = self.size((rows, columns)), self.corner((rows, columns))
        return pixels[-row : height - row, -column : width - column]

    def picture(self) -> Picture:
        """The screen; errors are those of `read_image`."""
        return self.show(read_pixels(self.path))

    def show(self, pixels: np.ndarray) -> Picture:
        """The screen with other pixels (y, x, 3) in place of the file's."""
        if self.ratio < 1:
            return as_picture(self._crop(pixels))
        rows, columns, _ = pixels.shape
        row, column = self.corner((rows, columns))
        placed = np.full((*self.size((rows, columns)), 3), _SCREEN_GREY, np.uint8)
        placed[row : row + rows, column : column + columns] = pixels
        return Picture(placed, content_of(placed))


def first_colour(pixels: np.ndarray) -> tuple[int, int] | None:
    """Row and column of the first pixel (y, x, 3) whose three channels are not equal; None if all are grey."""
    red, green, blue = np.moveaxis(pixels, -1, 0)
    if np.array_equal(red, green) and np.array_equal(red, blue):
        return None
    row, column = np.argwhere((red != green) | (red != blue))[0]
    return int(row), int(column)


def content_of(pixels: np.ndarray) -> bytes:
    """The SHA-256 digest of an array's shape, type and bytes."""
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.digest()


def read_image(path: str | PathLike, *, as_shown: bool = False) -> Picture:
    """The picture in a file: its pixels (`read_pixels`) and their key."""
    pixels = read_pixels(path, as_shown=as_shown)
    return Picture(pixels, content_of(pixels))


def read_pixels(path: str | PathLike, *, as_shown: bool = False) -> np.ndarray:
    """The picture in a file as 8-bit RGB: uint8 array, shape (y, x, 3).

    As in Brain-Score's own image loader and torchvision's, grey images become RGB; transparency is dropped, not
    blended; colour profiles and rotation marks (but TIFF's) are ignored; of several frames or pages the first is taken.

    Parameters
    ----------
    path : path
    as_shown : bool
        Refuse further frames or pages, and rotation marks, as for a laboratory's own stimuli.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an image, is damaged or cut short, is too large to be decoded safely, or has more than 8 bits a
        channel; or, with `as_shown`, for what that refuses.
    """
    return _rgb(open_picture(path, as_shown=as_shown), fspath(path))


def _rgb(image: Image.Image, name: str) -> np.ndarray:
    if bits_per_channel(image) > 8 or image.mode not in _EIGHT_BIT_MODES:
        raise ValueError(
            f"{name} has {image.mode} pixels of {bits_per_channel(image)} bits per channel; a model is shown RGB or "
            "grey pixels of 8 bits, so convert it as it was shown"
        )
    return np.array(image.convert("RGB"))


def as_picture(image: Any) -> Picture:
    """A picture from a path, an `OnScreen`, a Pillow image or a uint8 array of shape (y, x) or (y, x, 3).

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an array of another shape or type, or without pixels, or a Pillow image of more than 8 bits per channel.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, OnScreen):
        return image.picture()
    if isinstance(image, str | PathLike):
        return read_image(image)
    if isinstance(image, Image.Image):
        image = _rgb(image, "the image")
    if not isinstance(image, np.ndarray):
        raise TypeError(f"an image is a path, a Pillow image or a uint8 array, not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"an image array is uint8 of shape (y, x) or (y, x, 3), not {image.dtype} of {image.shape}")
    if not image.size:
        raise ValueError(f"an image of shape {image.shape} has no pixels")
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)  # (y, x, 3)
    return Picture(image.copy(), content_of(image))


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels resized by Pillow's bilinear filter, which is wider for stronger reductions (antialiasing).

    Equal to ``torchvision.transforms.Resize(size)`` of a Pillow image.

    Parameters
    ----------
    pixels : uint8 array, shape (y, x) or (y, x, 3)
    size : (y, x)
        Of the result, in pixels.

    Returns
    -------
    uint8 array, shape (*size) or (*size, 3)
    """
    if pixels.shape[:2] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize(size[::-1], Image.Resampling.BILINEAR))


def normalise(
    pixels: np.ndarray, mean: float | Sequence[float] = 0.5, std: float | Sequence[float] = 0.5
) -> np.ndarray:
    """The input of a network: ``(pixels / 255 - mean) / std`` in float32, colour first.

    The released VOneNets were trained with mean 0.5 and standard deviation 0.5 in every colour.

    Parameters
    ----------
    pixels : uint8 array, shape (..., y, x, 3)
    mean, std : float or sequence of three

    Returns
    -------
    float32 array, shape (..., 3, y, x)
        In [-1, 1] by default.
    """
    scaled = pixels.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(
        np.moveaxis((scaled - np.asarray(mean, np.float32)) / np.asarray(std, np.float32), -1, -3)
    )


def image_files(folder: str | PathLike) -> list[Path]:
    """The image files of a folder, sorted by name.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no image.
    """
    directory = Path(folder)
    if not directory.is_dir():
        raise FileNotFoundError(f"no folder at {fspath(folder)}")
    files = sorted(f for f in directory.iterdir() if f.suffix.lower() in IMAGE_SUFFIXES and not f.name.startswith("."))
    if not files:
        raise FileNotFoundError(f"no images in {directory}; looked for {', '.join(IMAGE_SUFFIXES)}")
    return files


def stimulus_files(stimuli: Any) -> list[Any]:
    """The image file of each row of a Brain-Score StimulusSet: a Path, or an `OnScreen` if it was placed on a screen.

    Raises
    ------
    ValueError
        If a table is not a StimulusSet, or does not give the path of an image.
    """
    paths = getattr(stimuli, "stimulus_paths", None)
    if "stimulus_id" not in stimuli or not isinstance(paths, Mapping):
        raise ValueError("a table of stimuli is a Brain-Score StimulusSet: a column 'stimulus_id', and stimulus_paths")
    lost = [stimulus_id for stimulus_id in stimuli["stimulus_id"] if stimulus_id not in paths]
    if lost:
        raise ValueError(f"{len(lost)} of {len(stimuli)} stimuli have no path in stimulus_paths, {lost[0]!r} first")
    files = (paths[stimulus_id] for stimulus_id in stimuli["stimulus_id"])
    return [file if isinstance(file, OnScreen) else Path(file) for file in files]
