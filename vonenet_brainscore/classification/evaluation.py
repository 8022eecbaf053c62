"""Common part of all evaluations of a classifier: reading images in batches and storing results as computed."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..arguments import check_seed, check_whole
from ..progress import progress_bar
from ..version import code_digest
from .classifier import Classifier
from .content import Files, content_digest, content_digests, own_file
from .image_folder import ImageFolder, LabelledImage, as_tensor, load_crop
from .results_file import ResultsFile

# Images (image, ..., 3, y, x) in [0, 1] and labels (image,) to what is measured, an entry for each image.
Measure = Callable[[Tensor, Tensor], Mapping[str, Sequence[Any]]]
Load = Callable[[LabelledImage], np.ndarray]


class Evaluation:
    """A classifier and the images on which it is evaluated.

    Parameters
    ----------
    classifier : Classifier
    folder : ImageFolder
    draws : int
        Number of noise draws per image.
    seed : int

    Attributes
    ----------
    images : list of LabelledImage
    n_classes : int
        Number of classes of the classifier.
    stochastic : bool
        Whether the classifier's answers depend on the draw.
    draws : int
        As given; 1 for a classifier without noise.

    Raises
    ------
    TypeError
        If an argument is not of its kind.
    ValueError, FileNotFoundError
        If a number is out of its range, or the folder and the classifier do not fit (`read_image_folder`).
    """

    def __init__(self, classifier: Classifier, folder: ImageFolder, *, draws: int, seed: int) -> None:
        check_classifier(classifier)
        check_whole(draws=draws)
        check_seed(seed)
        if draws < 1:
            raise ValueError(f"draws is {draws}; it must be at least 1")
        self.classifier, self.folder, self.seed = classifier, folder, seed
        self.n_classes = classifier.count_classes(folder.image_size)
        self.images = folder.read(self.n_classes)
        self.stochastic = classifier.is_stochastic(folder.image_size)
        self.draws = draws if self.stochastic else 1

    def rows(
        self,
        kind: str,
        measure: Measure,
        measured: Mapping[str, int | None],
        *,
        settings: Mapping[str, Any],
        output: str | PathLike,
        load: Load | None = None,
        files: Files = own_file,
        batch_size: int | None = None,
        progress: bool = True,
    ) -> "Rows":
        """Results of every image, including those of an earlier run.

        Batches do not depend on interruptions, because they affect the rounding of results. A stored result is used
        only for the same network, settings and content of the files.

        Parameters
        ----------
        kind : str
            Of evaluation, for the record and the name of a file.
        measure : callable
        measured : mapping
            What `measure` returns for an image, and how many numbers that is; None for a number by itself.
        settings : mapping
            What the results depend on beside the classifier, the images, `draws` and `seed`; plain values.
        output : path
            A file, or a folder in which a file is named by all that makes the results and by where the images are.
        load, files : callable
            From a labelled image to its pixels, by default those of `load_crop`, and to the files that they are made
            of.
        batch_size : int, optional
            Default, the folder's.
        progress : bool

        Raises
        ------
        ValueError
            If the file holds results of other images or settings, or an image cannot be read.
        OSError, MemoryError
            If results cannot be kept or a batch does not fit.
        """
        from torch.utils.data import DataLoader

        load = load or partial(load_crop, image_size=self.folder.image_size)
        batch_size = int(batch_size or self.folder.batch_size)
        results = self._results(kind, measured, settings, output)
        self._check_kept(results, files)
        images, done = self.images, len(results.rows)
        position = done // batch_size * batch_size  # a batch that was stored in part is computed again as a whole
        loader: Any = DataLoader(
            images[position:],  # type: ignore[arg-type]  # a sequence is a map-style dataset
            batch_size=batch_size,
            collate_fn=partial(_loaded, load, files),
            num_workers=self.folder.workers,
        )
        with progress_bar(total=len(images), initial=done, unit="image", shown=progress) as bar:
            for loaded in loader if done < len(images) else ():
                if isinstance(loaded, Exception):
                    raise loaded
                pixels, digests = loaded
                batch = images[position : position + len(pixels)]
                try:
                    found = measure(as_tensor(pixels), torch.tensor([image.label for image in batch]))
                except torch.OutOfMemoryError as error:
                    raise MemoryError(
                        f"memory ran out with {self.folder.batch_size} images a batch; give a smaller --batch_size. "
                        f"{len(results.rows)} images are kept in {results.path}, and the run resumes from there"
                    ) from error
                rows = [
                    {"image": image.name, "label": image.label, "sha256": digest}
                    | {name: values[index] for name, values in found.items()}
                    for index, (image, digest) in enumerate(zip(batch, digests, strict=True))
                ]
                new = rows[max(0, len(results.rows) - position) :]
                results.append(new)
                position += len(batch)
                bar.update(len(new))
        return Rows(results.rows, path=results.path)

    def _results(
        self, kind: str, measured: Mapping[str, int | None], settings: Mapping[str, Any], output: str | PathLike
    ) -> ResultsFile:
        all_settings = {
            "evaluation": kind,
            "code": code_digest(),
            **self.classifier.description(self.folder.image_size),
            **{"draws": self.draws, "seed": self.seed},
            **{"image_size": self.folder.image_size, "DS_factor": self.folder.DS_factor},
            **settings,
        }
        path = Path(output).expanduser()
        if path.is_dir():
            made_of = json.dumps([all_settings, str(self.folder.root.resolve())], default=lambda number: number.item())
            model = self.classifier.name.replace(":", "-").replace("/", "-")
            path /= f"{model}-{kind.replace(' ', '-')}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.jsonl"
        return ResultsFile(path, all_settings, measured)

    def _check_kept(self, results: ResultsFile, files: Files) -> None:
        """ValueError unless the stored results are those of the first images, with unchanged content."""
        kept = self.images[: len(results.rows)]
        named = [(row.get("image"), row.get("label")) for row in results.rows]
        if named != [(image.name, image.label) for image in kept]:
            raise ValueError(f"{results.path} holds results of other images; choose another --output")
        for image, row, digest in zip(kept, results.rows, content_digests(kept, files), strict=True):
            if row.get("sha256") != digest:
                raise ValueError(
                    f"{results.path} holds results of other images: {files(image)[0]} is not the file that "
                    f"{row.get('image')} was; choose another --output"
                )


class Rows(list[dict[str, Any]]):
    """Results, one per image, and the `path` of the file that stores them."""

    def __init__(self, rows: Sequence[dict[str, Any]], *, path: Path) -> None:
        super().__init__(rows)
        self.path = path


def check_classifier(classifier: Any) -> None:
    """Raise TypeError unless it is a Classifier."""
    if not isinstance(classifier, Classifier):
        raise TypeError(f"a classifier is a Classifier, as load_classifier gives it, not {type(classifier).__name__}")


def _loaded(load: Load, files: Files, batch: Sequence[LabelledImage]) -> tuple[np.ndarray, list[str]] | Exception:
    """Stacked pixels and digests, or the error itself, which a worker's loader would bury in a traceback."""
    try:
        return np.stack([load(image) for image in batch]), [content_digest(files(image)) for image in batch]
    except (ValueError, OSError) as error:
        return error
