"""Photographs for training, randomly cropped and mirrored, and for validation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..classification.content import images_digest
from ..classification.image_folder import LabelledImage, as_tensor, load_crop
from ..stimuli.images import read_pixels


class RandomCrops:
    """Images (3, y, x) in [0, 1] and labels: torchvision's ``RandomResizedCrop`` and ``RandomHorizontalFlip``.

    The crop covers 8 to 100 % of the image, with sides in a proportion of 3/4 to 4/3 (Szegedy et al. 2015, CVPR,
    section 6); torchvision's defaults. Chance is torch's global generator.

    Raises
    ------
    ModuleNotFoundError
        If torchvision does not import.
    """

    def __init__(self, images: Sequence[LabelledImage], image_size: int) -> None:
        try:
            from torchvision import transforms
        except (ImportError, RuntimeError) as error:  # RuntimeError: it was built for another torch
            raise ModuleNotFoundError(
                f"training crops and mirrors photographs with torchvision, which does not import ({error}); install "
                f"the torchvision that belongs to torch {torch.__version__}"
            ) from error
        self.images = images
        self._crop: Any = transforms.Compose(
            [transforms.RandomResizedCrop(image_size), transforms.RandomHorizontalFlip()]
        )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        crop = np.asarray(self._crop(Image.fromarray(read_pixels(self.images[index].path))))
        return as_tensor(crop[None])[0], self.images[index].label

    def sha256(self) -> str:
        """Digest of the images' names, labels and files."""
        return images_digest(self.images)


class MiddleCrops:
    """Images (3, y, x) in [0, 1] and labels, cropped as evaluation does."""

    def __init__(self, images: Sequence[LabelledImage], image_size: int) -> None:
        self.images, self.image_size = images, image_size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return as_tensor(load_crop(self.images[index], self.image_size)[None])[0], self.images[index].label

    def sha256(self) -> str:
        """Digest of the images' names, labels and files."""
        return images_digest(self.images)
