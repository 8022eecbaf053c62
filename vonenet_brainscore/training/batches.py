"""The batches of an epoch and their loading, independent of the number of processes."""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..classification.keyed_draws import keyed_draws, seed_of
from ..stimuli.images import content_of

_READ_AT_ONCE = 64  # images, of a dataset whose content is digested


@runtime_checkable
class LabelledImages(Protocol):
    """A map-style dataset: image (3, y, x) in [0, 1] and label by position."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Tensor, int]: ...


def training_order(images: int, *, seed: int, epoch: int) -> list[int]:
    """Positions of the images in the order of an epoch."""
    generator = torch.Generator().manual_seed(seed_of(seed, "order", epoch))
    return torch.randperm(images, generator=generator).tolist()


def split_by_rank(order: Sequence[int], batch_size: int, *, rank: int = 0, processes: int = 1) -> list[Sequence[int]]:
    """A process's part of every batch.

    The images of a batch are distributed in turn, so that a batch has the same images for any number of processes. A
    process without an image in the last batch skips it.

    Parameters
    ----------
    order : sequence of int
        Positions of all images.
    batch_size : int
        Images per batch, over all processes together; the last batch may have fewer.
    """
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    return [batch[rank::processes] for batch in batches if rank < len(batch)]


def digest_of(images: LabelledImages, *, n_classes: int, workers: int = 0) -> str:
    """Digest of the content of a dataset: what its own ``sha256()`` says, or of each image as it is read once.

    Raises
    ------
    ValueError, TypeError, OSError, RuntimeError
        As `loaded_batches`.
    """
    own = getattr(images, "sha256", None)
    if callable(own):
        return str(own())
    batches = split_by_rank(range(len(images)), _READ_AT_ONCE)
    digest = hashlib.sha256()
    for pixels, labels in loaded_batches(images, batches, key=("digest",), n_classes=n_classes, workers=workers):
        digest.update(content_of(pixels.numpy(force=True)) + content_of(labels.numpy()))
    return digest.hexdigest()


def loaded_batches(
    images: LabelledImages,
    batches: Sequence[Sequence[int]],
    *,
    key: Sequence[object],
    n_classes: int,
    workers: int = 0,
    pinned: bool = False,
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images (image, 3, y, x) and labels (image,) of each batch.

    What an image's loading draws from torch's global generator belongs to `key` and the image's position, so that
    any number of workers gives the same bits.

    Raises
    ------
    ValueError, TypeError, OSError, RuntimeError
        What loading raises, as it is; and ValueError for a label that is none of the classes.
    """
    loader: Any = DataLoader(
        range(len(images)),  # type: ignore[arg-type]  # the images are loaded a batch at a time, by `_load`
        batch_sampler=batches,  # type: ignore[arg-type]  # any sequence of positions
        collate_fn=partial(_load, images, tuple(key), n_classes),
        num_workers=workers,
        pin_memory=pinned,
        generator=torch.Generator(),  # else the loader would draw a seed from the global one
    )
    for batch in loader:
        if isinstance(batch, Exception):
            raise batch
        yield batch


def _load(
    images: LabelledImages, key: tuple[object, ...], n_classes: int, positions: Sequence[int]
) -> tuple[Tensor, Tensor] | Exception:
    """A batch; an error is handed over as it is, which a worker's loader would bury in a traceback."""
    pixels, labels = [], []
    try:
        for position in positions:
            with keyed_draws(*key, position):
                image, label = images[position]
            if not 0 <= label < n_classes:
                raise ValueError(
                    f"image {position} has label {int(label)}, but the network's outputs are 0 to {n_classes - 1}"
                )
            pixels.append(image)
            labels.append(int(label))
        return torch.stack(pixels), torch.tensor(labels)
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        return error
