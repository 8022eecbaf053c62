"""Labelled images in one folder per class, as torchvision's ImageFolder reads them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from reprlib import repr as shortened

import numpy as np
import torch
from torch import Tensor

from ..arguments import check_whole
from ..stimuli.images import IMAGE_SUFFIXES, read_pixels, resize

LARGEST_SIDE = 8192  # pixels, of the square that a network sees
# Images are made 256 pixels on their shorter side for a crop of 224, and in that proportion for other sizes.
SHORTER_SIDE = 256 / 224


@dataclass(frozen=True)
class LabelledImage:
    """An image file, its name within the folder and its class."""

    path: Path
    name: str
    label: int


@dataclass(frozen=True)
class ImageFolder:
    """The labelled images of an evaluation, and how they are shown.

    Attributes
    ----------
    in_path : path
        A folder with one folder of images per class, or with such a folder `val/`.
    DS_factor : int
        Use every `DS_factor`-th image, starting with the first.
    image_size : int
        Side of the square that the network sees, in pixels.
    batch_size : int
        Images per batch.
    classes : sequence of str, optional
        Names of the class folders in the order of the model's outputs, as in `read_image_folder`.
    workers : int
        Processes that load images; 0 for this process only.

    Raises
    ------
    TypeError
        If an attribute has the wrong type.
    ValueError
        If a number is out of its range.
    """

    in_path: str | PathLike
    DS_factor: int = 1
    image_size: int = 224
    batch_size: int = 64
    classes: Sequence[str] | None = None
    workers: int = 0

    def __post_init__(self) -> None:
        check_whole(image_size=self.image_size, batch_size=self.batch_size, workers=self.workers)
        if self.batch_size < 1 or self.workers < 0:
            raise ValueError(f"batch_size is {self.batch_size}, workers {self.workers}; they must be at least 1 and 0")
        if not 1 <= self.image_size <= LARGEST_SIDE:
            raise ValueError(
                f"image_size is {self.image_size}; it is the side of an image in pixels, 1 to {LARGEST_SIDE}"
            )

    @property
    def root(self) -> Path:
        """The folder as a path."""
        return Path(self.in_path).expanduser()

    def read(self, n_classes: int) -> list[LabelledImage]:
        """Its images; `n_classes` and errors as in `read_image_folder`."""
        return read_image_folder(self.in_path, n_classes, classes=self.classes, every=self.DS_factor)


def read_image_folder(
    folder: str | PathLike, n_classes: int, *, classes: Sequence[str] | None = None, every: int = 1
) -> list[LabelledImage]:
    """The images of a folder that holds a folder for each class, sorted by class and name.

    Parameters
    ----------
    folder : path
        Or a folder whose `val/` is used, unless `val` is one of the `classes`.
    n_classes : int
        Number of classes of the model.
    classes : sequence of str, optional
        The classes' folder names in the order of the model's outputs; some may be absent. By default the names
        that are there, sorted, which must then be as many as the model has outputs.
    every : int
        Keep the first and every so-many-th image.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no images.
    ValueError
        If the classes do not match the model's outputs, or `every` is less than 1.
    TypeError
        If an argument is not of its kind.
    """
    check_whole(n_classes=n_classes, DS_factor=every)
    if classes is not None and (isinstance(classes, str) or not isinstance(classes, Sequence)):
        raise TypeError(f"classes is {shortened(classes)}; give the names in a list")
    if every < 1:
        raise ValueError(f"DS_factor is {every}; 1 keeps every image, n every n-th")
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"no folder at {root}; give one that holds a folder of images for each class")
    if (root / "val").is_dir() and "val" not in (classes or ()):
        root /= "val"
    present = class_folders(root)
    labels = _labels(present, n_classes, classes, root)
    images = [
        LabelledImage(path, path.relative_to(root).as_posix(), labels[name])
        for name in present
        for path in _image_files(root / name)
    ]
    if not images:
        raise FileNotFoundError(f"no images in the class folders of {root}; looked for {', '.join(IMAGE_SUFFIXES)}")
    return images[::every]


def class_folders(root: Path) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden ones.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not names:
        raise FileNotFoundError(f"no class folders in {root}; it must hold a folder of images for each class")
    return names


def load_crop(image: LabelledImage, image_size: int, *, resized: bool = True) -> np.ndarray:
    """The central square of a resized image, as by torchvision's ``Resize(shorter side)`` and ``CenterCrop``.

    Parameters
    ----------
    image : LabelledImage
    image_size : int
        Side of the square in pixels.
    resized : bool
        Resize the image before cropping, or crop it as it is.

    Returns
    -------
    uint8 array, shape (image_size, image_size, 3)

    Raises
    ------
    ValueError, FileNotFoundError
        If the image cannot be read, as `read_pixels`.
    """
    pixels = read_pixels(image.path)
    if resized:
        shorter, target = min(pixels.shape[:2]), round(image_size * SHORTER_SIDE)
        height, width = (target if side == shorter else int(target * side / shorter) for side in pixels.shape[:2])
        pixels = resize(pixels, (height, width))
    height, width = pixels.shape[:2]
    if min(height, width) < image_size:
        raise ValueError(f"{image.path} has {height} x {width} pixels, less than the {image_size} of a crop")
    top, left = round((height - image_size) / 2), round((width - image_size) / 2)
    return pixels[top : top + image_size, left : left + image_size]


def as_tensor(pixels: np.ndarray) -> Tensor:
    """Images in [0, 1]: uint8 array (..., y, x, 3) to float32 Tensor (..., 3, y, x)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, -3))).float() / 255


def _labels(present: Sequence[str], n_classes: int, classes: Sequence[str] | None, root: Path) -> dict[str, int]:
    if classes is None and len(present) != n_classes:
        raise ValueError(
            f"{root} holds {len(present)} class folders but the model has {n_classes} outputs; give all classes, or "
            "their names in the order of the outputs with --classes FILE, one a line"
        )
    names = list(present if classes is None else classes)
    if len(names) != n_classes or len(set(names)) != n_classes:
        raise ValueError(f"{len(names)} names of classes, {len(set(names))} different, but {n_classes} outputs")
    strangers = sorted(set(present) - set(names))
    if strangers:
        raise ValueError(f"{root} holds {', '.join(strangers[:5])}, which the names of classes do not have")
    return {name: names.index(name) for name in present}


def _image_files(folder: Path) -> list[Path]:
    found = []
    for directory, _, names in os.walk(folder, followlinks=True):
        found += [Path(directory, name) for name in names if not name.startswith(".")]
    return sorted(path for path in found if path.suffix.lower() in IMAGE_SUFFIXES)
