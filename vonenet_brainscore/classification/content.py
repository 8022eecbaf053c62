"""Digests of image files, so that kept results depend on the content of files and not on their names."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .image_folder import LabelledImage

_READERS = 8  # threads, which wait for the disk or for another machine's
Files = Callable[[LabelledImage], Sequence[Path]]


def content_digest(files: Sequence[Path]) -> str:
    """SHA-256 of files, in hexadecimal: of the content of one file, or of the ordered digests of several.

    Raises
    ------
    FileNotFoundError, OSError
        If a file cannot be read.
    """
    digests = []
    for path in files:
        try:
            with path.open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
        except FileNotFoundError as error:
            raise FileNotFoundError(f"no image at {path}") from error
    return digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()


def own_file(image: LabelledImage) -> list[Path]:
    """The file of an image that was not generated from another."""
    return [image.path]


def content_digests(images: Iterable[LabelledImage], files: Files = own_file) -> Iterator[str]:
    """`content_digest` of each image's files, in order, several read at a time."""
    with ThreadPoolExecutor(_READERS) as readers:
        yield from readers.map(lambda image: content_digest(files(image)), images)


def images_digest(images: Sequence[LabelledImage]) -> str:
    """SHA-256 of names, labels and content of images in their order, in hexadecimal."""
    of_each = zip(images, content_digests(images), strict=True)
    return hashlib.sha256(json.dumps([(image.name, image.label, each) for image, each in of_each]).encode()).hexdigest()
