"""`package_submission`: package a model as a zip that the leaderboard accepts."""

import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import torch

from ..arguments import check_text
from ..benchmarks.names import nearest
from ..files import written_whole
from ..models.back_ends import BACK_ENDS
from ..models.downloads import check_sha256
from ..models.libraries import names_library
from ..models.registry import MODELS, ModelRow
from ..models.vonenet import VOneNet, get_model
from ..recordings.layers import LOGITS, check_layers
from ..recordings.loading import with_own_regions
from ..recordings.subject import FRONT_END as V1_LAYER
from .check import CheckReport, check_zip, require_check
from .local_model import LocalModel, given_front_end, local_model
from .plugin import RECORD
from .plugin_files import plugin_files, write_zip
from .rules import broken_rules, check_identifier


@dataclass(frozen=True)
class Submission:
    """A packaged model.

    Attributes
    ----------
    path
        The zip, or the plugin folder.
    identifier
    region_layer_map
        Regions that the model represents.
    weights
        None if the front end is rebuilt from its Gabor parameters; otherwise `sha256`, and `address` or `file`.
    size
        Of the zip, in bytes.
    check
        None if the check was left out.
    notes
        Remarks to read before the upload.
    """

    path: Path
    identifier: str
    region_layer_map: dict[str, str]
    weights: dict[str, str] | None
    size: int
    check: CheckReport | None
    notes: tuple[str, ...]


def package_submission(
    model: str | VOneNet,
    output: str | Path | None = None,
    *,
    identifier: str | None = None,
    front_end: bool = False,
    weights: str | Path | None = None,
    weights_url: str | None = None,
    weights_sha256: str | None = None,
    region_layer_map: Mapping[str, str] | None = None,
    template: bool = False,
    force: bool = False,
    check: bool = True,
) -> Submission:
    """Package a model for the Brain-Score leaderboard and check the package on this machine.

    Parameters
    ----------
    model : str or VOneNet
        A name in `MODELS`, which gives architecture and regions; ``timm:NAME`` or ``torchvision:NAME``, a VOneNet with
        that back end, whose regions are stages by depth unless a map says otherwise; or a front end from
        ``get_model(None, ...)``.
    output : path, optional
        The zip to write; by default ``IDENTIFIER.zip``. With `template`, the plugin folder, by default ``IDENTIFIER``.
    identifier : str, optional
        The model's name on Brain-Score; by default that of the released model, or ``MODEL_front_end`` for a front end.
        Required for your own model.
    front_end : bool
        Submit the VOneBlock alone, which needs no weights. It represents V1 and rejects every other region, because
        responses of an untrained back end would be scored as if they were the model's.
    weights : path, optional
        Your own checkpoint, of the model's architecture. Without `weights_url` it becomes part of the zip.
    weights_url : str, optional
        Address from which the plugin fetches the checkpoint. Without `weights` and `weights_url`, the released weights
        and their address are used.
    weights_sha256 : str, optional
        The sha256 that the checkpoint must have. In any case, the sha256 is recorded and the plugin checks it.
    region_layer_map : mapping from region to layer, optional
        Entries that are added to the model's own or replace them.
    template : bool
        Write the plugin folder, for a pull request, instead of a zip.
    force : bool
        Overwrite an existing output.
    check : bool
        Test the zip with `check_zip` before anything is written.

    Returns
    -------
    Submission

    Raises
    ------
    ValueError, TypeError
        For an invalid name, identifier, address or combination, weights of another architecture or with another
        sha256, or weights that do not fit into a zip.
    FileExistsError
        If the output exists and `force` is not given.
    FileNotFoundError, OSError
        If weights are unavailable or the output cannot be written.
    ModuleNotFoundError
        If pytest or pytest_check, which the check needs, is missing.
    RuntimeError
        If the check fails; nothing is then written.
    """
    row = _checked_row(model, weights, weights_url, weights_sha256)
    if row is not None and not row.back_end:
        front_end = True
    if identifier is None:
        identifier = _released_identifier(model, row, front_end, own=weights is not None or weights_url is not None)
    check_identifier(identifier)
    target = Path((identifier if template else f"{identifier}.zip") if output is None else output).expanduser()
    _check_target(target, template, force)
    regions = _regions(None if front_end else row, region_layer_map)
    if check:
        require_check()
    with tempfile.TemporaryDirectory(prefix="vonenet-brainscore-submit-") as folder:
        made = (
            given_front_end(model)
            if row is None
            else local_model(
                row,
                Path(folder),
                front_end=front_end,
                weights=None if weights is None else Path(weights).expanduser(),
                address=weights_url,
                sha256=weights_sha256,
                fetch=check,
            )
        )
        archive = Path(folder) / f"{identifier}.zip"
        write_zip(archive, identifier, plugin_files(identifier, made, regions))
        broken = broken_rules(archive)
        if broken:
            raise ValueError("the leaderboard would reject this zip: " + "; ".join(broken))
        report = check_zip(archive, made.network, regions) if check else None
        size = archive.stat().st_size
        _check_target(target, template, force)  # again, because minutes may have passed
        _deliver(archive, target, template)
    notes = _notes(made, regions, released=row is not None and bool(row.back_end))
    return Submission(target, identifier, regions, made.weights, size, report, notes)


def _checked_row(model: object, weights: object, weights_url: str | None, sha256: str | None) -> ModelRow | None:
    """The row of a named model, None for a network; raises for invalid arguments."""
    for name, value in (("weights_url", weights_url), ("weights_sha256", sha256)):
        if value is not None:
            check_text(**{name: value})
    if weights_url is not None and urlsplit(weights_url).scheme not in ("https", "http", "file"):
        raise ValueError(
            f"cannot fetch weights from {weights_url!r}; give an https:// or http:// address, or the file as weights"
        )
    if sha256 is not None and weights is None and weights_url is None:
        raise ValueError("weights_sha256 belongs to your own weights; also give these (weights=, weights_url=)")
    check_sha256(sha256)
    if isinstance(model, str):
        if names_library(model):
            if weights is None and weights_url is None:
                raise ValueError(f"no VOneNet with {model} was released; give your own weights (weights=)")
            return ModelRow(model, model, "", {"V1": V1_LAYER}, LOGITS, "")
        if model not in MODELS:
            raise ValueError(f"unknown model {model!r}; {nearest(model, MODELS)}")
        return MODELS[model]
    if weights is not None or weights_url is not None:
        raise ValueError("a network already has weights; to package others, give the name of its architecture as model")
    return None


def _released_identifier(model: object, row: ModelRow | None, front_end: bool, *, own: bool) -> str:
    if own or row is None:
        raise ValueError("your own model needs its own identifier (identifier=, --identifier)")
    return f"{model}_front_end" if front_end and row.back_end else row.brainscore_identifier


def _regions(trained: ModelRow | None, own: Mapping[str, str] | None) -> dict[str, str]:
    """The map of a trained model or a front end, with the user's entries; ValueError for a missing layer."""
    if trained and names_library(trained.back_end):
        network = get_model(back_end=trained.back_end)
        regions = with_own_regions({**trained.region_layer_map, **network.regions_by_depth}, own)
        check_layers(network, list(dict.fromkeys(regions.values())))
        return regions
    regions = with_own_regions(trained.region_layer_map if trained else {"V1": V1_LAYER}, own)
    front_end = get_model(None, pretrained=False)
    with torch.device("meta"):  # layers without weights
        network = VOneNet(front_end.vone_block, BACK_ENDS[trained.back_end]()) if trained else front_end
    check_layers(network, list(dict.fromkeys(regions.values())))
    return regions


def _check_target(target: Path, template: bool, force: bool) -> None:
    if template:
        check_identifier(target.resolve().name)  # Brain-Score imports the folder by its name
    elif target.suffix != ".zip":
        raise ValueError(f"{target} must be a zip; give a name that ends with .zip")
    if not target.resolve().parent.is_dir():
        raise FileNotFoundError(f"no folder {target.resolve().parent} to write {target.name} to; make it first")
    if not os.access(target.resolve().parent, os.W_OK):
        raise PermissionError(f"the folder {target.resolve().parent} cannot be written to; name another")
    if not target.exists() and not target.is_symlink():
        return
    if not force:
        raise FileExistsError(f"{target} exists; choose another name, or overwrite it (force=True, --force)")
    replaceable = (target / RECORD).is_file() if template else target.is_file()
    if not replaceable or target.is_symlink():
        raise FileExistsError(f"{target} was not written by this package; remove it yourself, or choose another name")


def _deliver(archive: Path, target: Path, template: bool) -> None:
    """Write the zip, or the plugin folder in it, to the target, atomically."""
    if not template:
        with written_whole(target) as partial:
            shutil.copyfile(archive, partial)
        return
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.resolve().parent) as beside:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(beside)
        (plugin,) = Path(beside).glob("*/models/*")
        if target.exists():
            target.rename(Path(beside) / "replaced")
        plugin.rename(target)


def _notes(made: LocalModel, regions: Mapping[str, str], *, released: bool) -> tuple[str, ...]:
    notes = []
    if set(regions) == {"V1"}:
        notes.append("V1 alone: the leaderboard's V2, V4, IT and behavioural benchmarks stay without a score")
    if made.row is None and released and made.weights is None:
        notes.append(
            "the colour that each filter sees was drawn independently of the released model: responses to coloured "
            "stimuli differ from that model's"
        )
    address = (made.weights or {}).get("address", "")
    if address.startswith("file:"):
        notes.append(f"{address} can be fetched only on this machine; put the file on a server before the upload")
    return tuple(notes)
