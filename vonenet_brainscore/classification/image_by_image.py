"""The loop behind every evaluation: images in batches, results kept as they come."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from ..arguments import check_seed, check_whole
from .classifier import Classifier
from .image_folder import LabelledImage
from .results_file import ResultsFile

LARGEST_SIDE = 8192  # pixels, of the square that a network sees
Load = Callable[[LabelledImage], np.ndarray]
Measure = Callable[[Sequence[LabelledImage], np.ndarray], Sequence[dict[str, Any]]]


def check_settings(classifier: Any, *, draws: int, seed: int, image_size: int, batch_size: int, workers: int) -> None:
    """Raise unless an evaluation can run so: TypeError for another kind of thing, ValueError for a number out of range.

    To be called before any work.
    """
    if not isinstance(classifier, Classifier):
        raise TypeError(f"a classifier is a Classifier, as load_classifier gives it, not {type(classifier).__name__}")
    check_whole(draws=draws, image_size=image_size, batch_size=batch_size, workers=workers)
    check_seed(seed)
    if draws < 1:
        raise ValueError(f"draws is {draws}; it must be at least 1")
    if batch_size < 1 or workers < 0:
        raise ValueError(f"batch_size is {batch_size}, workers {workers}; they must be at least 1 and 0")
    if not 1 <= image_size <= LARGEST_SIDE:
        raise ValueError(f"image_size is {image_size}; it is the side of an image in pixels, 1 to {LARGEST_SIDE}")


def evaluate_image_by_image(
    images: Sequence[LabelledImage],
    load: Load,
    measure: Measure,
    results: ResultsFile,
    *,
    batch_size: int,
    workers: int = 0,
    progress: bool = True,
) -> list[dict[str, Any]]:
    """Results of every image, those of a run before included.

    Batches are the same however often a run is cut off: results depend on them by rounding.

    Parameters
    ----------
    images : sequence of LabelledImage
    load : callable
        From a labelled image to its pixels.
    measure : callable
        From the labelled images of a batch and their stacked pixels to a dict of results for each.
    results : ResultsFile
    batch_size, workers : int
        Images a batch; processes that load them, 0 for none but this one.
    progress : bool

    Raises
    ------
    ValueError
        If the file holds results of other images, or an image cannot be read.
    MemoryError
        If a batch does not fit.
    """
    from torch.utils.data import DataLoader

    done = len(results.rows)
    expected = [(image.name, image.label) for image in images]
    if [(row.get("image"), row.get("label")) for row in results.rows] != expected[:done]:
        raise ValueError(f"{results.path} holds results of other images; choose another --output")
    position = done // batch_size * batch_size  # a batch of which a part was kept is computed whole again
    loader: Any = DataLoader(
        images[position:],  # type: ignore[arg-type]  # a sequence is a map-style dataset
        batch_size=int(batch_size),
        collate_fn=partial(_loaded, load),
        num_workers=workers,
    )
    with tqdm(total=len(images), initial=done, unit="image", disable=not progress) as bar:
        for pixels in loader if done < len(images) else ():
            if isinstance(pixels, Exception):
                raise pixels
            batch = images[position : position + len(pixels)]
            try:
                rows = measure(batch, pixels)
            except torch.OutOfMemoryError as error:
                raise MemoryError(
                    f"memory ran out with {batch_size} images a batch; give a smaller --batch_size. "
                    f"{len(results.rows)} images are kept in {results.path}, and the run goes on from there"
                ) from error
            labelled = [
                {"image": image.name, "label": image.label, **row} for image, row in zip(batch, rows, strict=True)
            ]
            new = labelled[max(0, len(results.rows) - position) :]
            results.append(new)
            position += len(batch)
            bar.update(len(new))
    return results.rows


def _loaded(load: Load, batch: Sequence[LabelledImage]) -> np.ndarray | Exception:
    """Stacked pixels; an error is handed over as it is, which a worker's loader would bury in a traceback."""
    try:
        return np.stack([load(image) for image in batch])
    except (ValueError, OSError) as error:
        return error
