"""Images as a network sees them: decoded and resized with Pillow, exactly as torchvision does it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif")
# Pillow goes by a file's content, and would hand PostScript, a program, to Ghostscript whatever the file is called.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM")
# Modes whose 8-bit RGB form is exact. Pillow clips 16- and 32-bit pixels when it converts, so those are refused.
_EIGHT_BIT_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")


@dataclass(frozen=True)
class Picture:
    """Pixels, and the key that says which picture they are.

    Attributes
    ----------
    pixels : uint8 array, shape (y, x, 3)
        RGB.
    content : bytes
        Equal for equal pictures, whatever their file, name or place in a list: the key of their noise draws.
    """

    pixels: np.ndarray
    content: bytes

    @property
    def is_grey(self) -> bool:
        """Whether the three colour channels are equal everywhere."""
        first = self.pixels[..., :1]
        return bool((self.pixels == first).all())


def content_of(pixels: np.ndarray) -> bytes:
    """The SHA-256 digest of an array's shape, type and bytes."""
    digest = hashlib.sha256(f"{pixels.dtype.str}{pixels.shape}".encode())
    digest.update(np.ascontiguousarray(pixels).tobytes())
    return digest.digest()


def read_image(path: str | PathLike) -> Picture:
    """The picture in a file: its pixels as `read_pixels` gives them, and their key."""
    pixels = read_pixels(path)
    return Picture(pixels, content_of(pixels))


def read_pixels(path: str | PathLike) -> np.ndarray:
    """The picture in a file as 8-bit RGB: uint8 array, shape (y, x, 3).

    Transparency is dropped, not blended, and grey images become RGB, as Brain-Score's own image loader does.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not an image, is damaged or cut short, is too large to be decoded safely, or has more than 8 bits a
        channel.
    """
    file = Path(path)
    if not file.is_file():
        raise FileNotFoundError(f"no image at {fspath(path)}")
    try:
        with Image.open(file, formats=_FORMATS) as image:
            image.load()
    except MemoryError:
        raise
    except Exception as error:  # decoders raise almost anything on a damaged file
        reason = str(error) or type(error).__name__
        raise ValueError(f"{file} cannot be read as an image ({reason}); replace it or leave it out") from error
    return _rgb(image, str(file))


def _rgb(image: Image.Image, name: str) -> np.ndarray:
    if image.mode not in _EIGHT_BIT_MODES:
        raise ValueError(f"{name} has {image.mode} pixels, more than 8 bits a channel; save it with 8 bits")
    return np.array(image.convert("RGB"))


def as_picture(image: Any) -> Picture:
    """A picture from a path, a Pillow image or a uint8 array of shape (y, x) or (y, x, 3).

    Raises
    ------
    TypeError
        For anything else.
    ValueError
        For an array of another shape or type, or without pixels, or a Pillow image of more than 8 bits a channel.
    """
    if isinstance(image, Picture):
        return image
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
    """Pixels stretched to a size: Pillow's bilinear filter, which widens with the reduction (antialiasing).

    This is what ``torchvision.transforms.Resize(size)`` does to a Pillow image.

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


def normalise(pixels: np.ndarray) -> np.ndarray:
    """What a VOneNet is fed: ``(pixels / 255 - 0.5) / 0.5`` in float32, colour first.

    The released models were trained with mean 0.5 and standard deviation 0.5 in every colour.

    Parameters
    ----------
    pixels : uint8 array, shape (..., y, x, 3)

    Returns
    -------
    float32 array, shape (..., 3, y, x)
        In [-1, 1].
    """
    half = np.float32(0.5)
    scaled = pixels.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(np.moveaxis((scaled - half) / half, -1, -3))


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


def stimulus_files(stimuli: Any) -> list[Path]:
    """The image file of each row of a Brain-Score StimulusSet.

    Raises
    ------
    ValueError
        If a table is no StimulusSet, or does not say where an image is.
    """
    paths = getattr(stimuli, "stimulus_paths", None)
    if "stimulus_id" not in stimuli or not isinstance(paths, Mapping):
        raise ValueError("a table of stimuli is a Brain-Score StimulusSet: a column 'stimulus_id', and stimulus_paths")
    lost = [stimulus_id for stimulus_id in stimuli["stimulus_id"] if stimulus_id not in paths]
    if lost:
        raise ValueError(f"{len(lost)} of {len(stimuli)} stimuli have no path in stimulus_paths, {lost[0]!r} first")
    return [Path(paths[stimulus_id]) for stimulus_id in stimuli["stimulus_id"]]
