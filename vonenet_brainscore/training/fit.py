"""The training loop: epochs that are validated, logged and saved."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from os import PathLike
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..arguments import check_whole
from ..classification.classifier import Classifier
from ..classification.keyed_draws import keyed_draws
from ..models.vonenet import VOneNet
from ..progress import note, progress_bar
from .batches import LabelledImages, digest_of
from .descent import Descent
from .devices import fabric_of
from .recipe import Recipe
from .run_folder import COLUMNS, RunFolder

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# Another device's arithmetic, TF32 say, changes a logit by up to a thousandth; another network's code by more.
_SAME_ANSWER = 0.01


@dataclass(frozen=True)
class Training:
    """A trained network and the history of its training.

    Attributes
    ----------
    network : nn.Module
        In evaluation mode.
    history : list of dict
        For each epoch `epoch` (from 1), `lr`, `train_loss`, `train_top1`, `validation_loss`, `validation_top1`,
        `validation_top5`, `images_per_s` and `seconds`; None where there is no validation set, or no more than five
        classes. Accuracies are shares of images; in training, of the images as they were augmented then.
    rank : int
        Rank of this process among the training processes.
    """

    network: nn.Module
    history: list[dict[str, Any]]
    rank: int = 0


def fit(
    network: nn.Module,
    train_set: LabelledImages,
    validation_set: LabelledImages | None = None,
    *,
    recipe: Recipe | None = None,
    output_path: str | PathLike | None = None,
    flags: Mapping[str, Any] | None = None,
    mean: float | Sequence[float] = 0.5,
    std: float | Sequence[float] = 0.5,
    resume: bool = False,
    keep_every: int = 10,
    workers: int = 0,
    device: str | None = None,
    devices: int = 1,
    num_nodes: int = 1,
    progress: bool = True,
) -> Training:
    """Train a network in place.

    All that is random is keyed by the recipe's seed: the order of images by epoch, an image's augmentation by epoch and
    image, noise and dropout by epoch, step and process. A run that was cut off and resumes starts with the epoch that
    it was cut off in, and on one machine reaches the same weights to the bit, where the device's arithmetic is
    reproducible, as that of CPUs is. The global generators stay as they were.

    Parameters
    ----------
    network : nn.Module
        Takes ``(images - mean) / std`` of shape (batch, 3, y, x), gives logits (batch, class).
    train_set, validation_set : map-style dataset
        Items are an image (3, y, x) in [0, 1], a float32 Tensor, and its label. Augmentation is the training set's
        matter; it draws from torch's global generator. Where a run is kept, each image is read once beforehand, so that
        a run that resumes knows its images by their content; a dataset that has a method ``sha256()`` is asked instead.
    recipe : Recipe, optional
        Default, `Recipe()`.
    output_path : path, optional
        Folder for `last.pth.tar`, which `get_model(weights=...)` reads, `epoch_NN.pth.tar`, `log.csv` and a TensorBoard
        log. Without one nothing is written. Machines that train together share it.
    flags : mapping, optional
        Plain values to save in the checkpoints, beside the options of a network that `get_model` made.
    mean, std : float or sequence of three
        Of the normalisation.
    resume : bool
        Resume the run in `output_path`; begin one if there is none. What made its weights must be what is asked
        for: flags, recipe but for `epochs`, content of the images, and a network that answers as the kept one did.
    keep_every : int
        Epochs between the checkpoints that are kept; the last one always is.
    workers : int
        Processes that load images, for each that trains; 0, none but this one.
    device : str, optional
        'cpu', 'cuda' or 'cuda:1'; default, a GPU if there is one.
    devices, num_nodes : int
        GPUs of a machine, or processes on its CPU, and machines. Each step's images are divided among them; each
        normalises by its own batch statistics, and the first one's are kept. The program is started again for each
        further device, or by `torchrun` or `srun` for all.
    progress : bool

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If there are no images; the network or the labels do not fit; an epoch diverges; the run to resume is of another
        network, has other settings or more epochs, is not seen by all processes, or there is no `output_path` for it;
        or the batch or the device cannot be as asked.
    TypeError
        If an argument is not of its kind.
    FileExistsError
        If there is a run in `output_path` and `resume` is not asked for.
    OSError
        If `output_path` cannot be written to.
    MemoryError
        If a batch does not fit.
    ModuleNotFoundError
        If lightning-fabric or tensorboard is not installed.

    Examples
    --------
    >>> import torch
    >>> from vonenet_brainscore import Recipe, fit
    >>> images = torch.utils.data.TensorDataset(torch.rand(16, 3, 8, 8), torch.arange(16) % 2)
    >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 2))
    >>> len(fit(network, images, images, recipe=Recipe(epochs=2, batch_size=8), progress=False).history)
    2
    """
    recipe = Recipe() if recipe is None else recipe
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe is {shortened(recipe)}; give a Recipe")
    check_whole(keep_every=keep_every, workers=workers)
    if resume and output_path is None:
        raise ValueError("there is no output_path to resume from")
    if keep_every < 1 or workers < 0:
        raise ValueError(f"keep_every is {keep_every}, workers {workers}; they must be at least 1 and 0")
    fabric = fabric_of(device, devices, num_nodes, precision=recipe.precision)
    _check_images(train_set=train_set, **({} if validation_set is None else {"validation_set": validation_set}))
    if validation_set is not None and not len(validation_set):
        raise ValueError("there are no images to validate with; leave validation_set out")
    classifier = Classifier(network, mean=mean, std=std)
    _check_batches(len(train_set), recipe.batch_size, devices * num_nodes, network)
    side = _side_of(train_set)
    if isinstance(network, VOneNet) and network.vone_block.image_size != side:
        raise ValueError(
            f"the images have {side} pixels a side, the VOneNet is one for {network.vone_block.image_size}; give "
            f"get_model image_size={side}"
        )
    n_classes = classifier.count_classes(side)
    normalisation = {name: getattr(classifier, name).flatten().tolist() for name in ("mean", "std")}
    counts = {"images": len(train_set), "validation_images": len(validation_set) if validation_set else 0}
    settings: dict[str, dict[str, Any]] = {
        "flags": _plain({**_options(network), **(flags or {})}),
        "recipe": asdict(recipe),
        "data": {**counts, "image_size": side, "classes": n_classes, **normalisation},
    }
    folder = None
    if output_path is not None:
        folder = RunFolder(output_path, settings=settings, resume=resume)
        settings["data"] |= {"images_sha256": digest_of(train_set, n_classes=n_classes, workers=workers)}
        if validation_set is not None:
            validation_sha256 = digest_of(validation_set, n_classes=n_classes, workers=workers)
            settings["data"] |= {"validation_images_sha256": validation_sha256}
        folder.settings = settings
    kept = folder.checkpoint() if folder else None
    history: list[dict[str, Any]] = kept["history"] if kept else []
    if len(history) > recipe.epochs:
        raise ValueError(f"{output_path} holds {len(history)} epochs, more than the {recipe.epochs} asked for")

    fabric.launch()
    if folder:
        _refuse_other_checkpoints(fabric, folder)
    descent = Descent(fabric, classifier, recipe, n_classes=n_classes, workers=workers)
    progress = progress and fabric.is_global_zero
    if kept:
        try:
            descent.load_state_dict(kept)
        except ValueError as error:
            raise ValueError(f"{output_path} holds another network: {error}; choose another --output_path") from error
        of_kept = torch.tensor(kept["answers"], dtype=torch.float64)
        if not torch.allclose(of_kept, descent.answers(side), rtol=_SAME_ANSWER, atol=_SAME_ANSWER):
            raise ValueError(
                f"{output_path} holds another network: this one answers otherwise with the same weights; choose "
                "another --output_path"
            )
        if folder and fabric.is_global_zero:
            folder.log(history)
        del kept  # as large as the network and its momenta
    elif folder and resume and progress:
        note(f"no checkpoint in {folder.path} yet; training starts with the first epoch")
    images = len(train_set)
    bar = progress_bar(total=recipe.epochs * images, initial=len(history) * images, unit=" images", shown=progress)
    with bar, closing(folder) if folder else nullcontext():
        for epoch in range(len(history) + 1, recipe.epochs + 1):
            start = time.perf_counter()
            row: dict[str, Any] = {"epoch": epoch, "lr": recipe.lr_in(epoch)}
            try:
                row |= descent.train(train_set, epoch, bar)
                row |= descent.validate(validation_set) if validation_set is not None else {}
            except torch.OutOfMemoryError as error:
                raise MemoryError(
                    f"memory ran out with {recipe.batch_size} images a step over {fabric.world_size} processes; take "
                    "more --devices or a smaller --batch_size"
                ) from error
            row["seconds"] = time.perf_counter() - start
            history = [*history, {name: row.get(name) for name in COLUMNS}]
            if folder and fabric.is_global_zero:
                kept_on = epoch % keep_every == 0 or epoch == recipe.epochs
                answers = descent.answers(side).tolist()
                folder.save(
                    {"epoch": epoch, **descent.state_dict(), "answers": answers, "history": history}, kept=kept_on
                )
            fabric.barrier()
    network.eval()
    return Training(network, history, fabric.global_rank)


def _check_images(**sets: Any) -> None:
    for name, images in sets.items():
        if not isinstance(images, LabelledImages) or isinstance(images, str | bytes | Mapping):
            raise TypeError(
                f"{name} is {shortened(images)}; give a dataset of which each item is an image and its label"
            )


def _check_batches(images: int, batch_size: int, processes: int, network: nn.Module) -> None:
    if not images:
        raise ValueError("there are no images to train on")
    if batch_size % processes:
        raise ValueError(f"a batch of {batch_size} cannot be divided among {processes} processes evenly")
    last = images % batch_size
    if 0 < last < processes:
        raise ValueError(
            f"{images} images in batches of {batch_size} leave {last} for the last batch, too few for {processes} "
            "processes; take another batch_size"
        )
    smallest = (last or batch_size) // processes
    if smallest == 1 and any(isinstance(module, _BatchNorm) for module in network.modules()):
        raise ValueError(
            f"{images} images in batches of {batch_size} leave a process with one image in a batch, too few for batch "
            "norm; take another batch_size"
        )


def _refuse_other_checkpoints(fabric: "Fabric", folder: RunFolder) -> None:
    """ValueError in every process unless all have read the same file, or none."""
    digest = torch.tensor(list(bytes.fromhex(folder.checkpoint_sha256 or "00" * 32)), device=fabric.device)
    digests: Any = fabric.all_gather(digest)
    if len(digests.reshape(-1, 32).unique(dim=0)) > 1:
        raise ValueError(
            f"a process sees another checkpoint in {folder.path} than the others; processes that train together must "
            "share output_path"
        )


def _side_of(images: LabelledImages) -> int:
    """Side of the images in pixels, that of the first."""
    with keyed_draws("the first image"):
        first = images[0]
    if not isinstance(first, Sequence) or len(first) != 2:
        raise TypeError(f"an item of train_set is {shortened(first)}; it must be an image and its label")
    image = first[0]
    if not isinstance(image, Tensor) or not image.is_floating_point():
        raise TypeError("images are to be float Tensors (3, y, x) in [0, 1]; convert them in the dataset")
    if image.ndim != 3 or len(image) != 3 or image.shape[1] != image.shape[2]:
        raise ValueError(f"an image has shape {tuple(image.shape)}; it must be (3, side, side)")
    if not 0 <= image.min() <= image.max() <= 1:
        raise ValueError(
            f"an image has values from {image.min():g} to {image.max():g}; they must be in [0, 1], `mean` and `std` "
            "normalise them"
        )
    return image.shape[-1]


def _plain(flags: dict[str, Any]) -> dict[str, Any]:
    """Flags as plain values, which are read again without running anything."""
    try:
        return json.loads(json.dumps(flags, default=lambda value: value.tolist()))  # NumPy's
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(
            f"flags cannot be saved ({error}); give numbers, text, and lists or mappings of them"
        ) from error


def _options(network: nn.Module) -> dict[str, Any]:
    """Arguments of `get_model` that make the network's front end."""
    return {**network.settings, **network.vone_block.settings} if isinstance(network, VOneNet) else {}
