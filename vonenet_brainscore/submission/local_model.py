"""The model to be submitted, as it exists on this machine."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import torch

from ..models.checkpoints import RELEASE, fetch_checkpoint, read_checkpoint
from ..models.downloads import download, sha256_of
from ..models.registry import ModelRow
from ..models.vonenet import VOneNet, get_model
from .plugin import back_end_argument
from .rules import MAX_BYTES

WEIGHTS = "weights.pth"  # in the plugin's folder


@dataclass(frozen=True)
class LocalModel:
    """A network, and how a plugin obtains it.

    Attributes
    ----------
    network
        Loaded from the user's own file, if there is one.
    row
        Of the published model; None for a front end without a back end.
    weights
        None if the front end is rebuilt from its Gabor parameters; otherwise `sha256`, and `address` or `file`.
    file
        Weights that become part of the plugin.
    """

    network: VOneNet
    row: ModelRow | None
    weights: dict[str, str] | None = None
    file: Path | None = None


def given_front_end(network: object) -> LocalModel:
    """A front end made with ``get_model(None, ...)``.

    Raises
    ------
    TypeError
        If the object is not a VOneNet.
    ValueError
        If it has a back end, whose weights would need a file, or filters that differ from its Gabor parameters.
    """
    if not isinstance(network, VOneNet):
        raise TypeError(f"a model is a name or a VOneNet without back end, not {type(network).__name__}")
    if network.model is not None:
        raise ValueError(
            "a trained network is packaged from its checkpoint: give the name of its architecture as model, and the "
            "file or its address as weights"
        )
    if network.vone_block.gabor_parameters is None:
        raise ValueError(
            "the filters differ from the VOneBlock's Gabor parameters and cannot be rebuilt from these; "
            "save the state_dict with torch.save and give it as weights, with front_end=True"
        )
    return LocalModel(copy.deepcopy(network), None)


def local_model(
    row: ModelRow,
    folder: Path,
    *,
    front_end: bool = False,
    weights: Path | None = None,
    address: str | None = None,
    sha256: str | None = None,
    fetch: bool = True,
) -> LocalModel:
    """A published model, or a model of its architecture with the user's own weights.

    Parameters
    ----------
    row : ModelRow
    folder : path
        Folder for new files.
    front_end : bool
        The VOneBlock alone.
    weights, address, sha256
        As in `package_submission`.
    fetch : bool
        If both a file and an address are given, check that the address serves the same file.

    Raises
    ------
    ValueError
        If weights are of another architecture, have another sha256, or neither fit into a zip nor have an address.
    FileNotFoundError, OSError
        If weights are unavailable.
    """
    if weights is None and address is None:
        if front_end:
            return LocalModel(get_model(None, pretrained=False, **row.published), None)
        path, address = _released(row)
    else:
        path = weights or _fetched(str(address), folder / "downloaded", sha256)
    trained = None if front_end else row
    noise: dict[str, Any] = {} if row.noise else {"noise_mode": None}
    network = get_model(**back_end_argument(trained.model_arch if trained else None), weights=path, **noise)
    found = network.weights_source.sha256 if network.weights_source else ""
    if sha256 is not None and sha256.lower() != found:
        raise ValueError(f"{path} has sha256 {found}, not {sha256}; it is not the file that you mean")
    if address is None:
        file = _without_optimizer(network, path, folder / WEIGHTS)
        return LocalModel(network, trained, {"sha256": sha256_of(file), "file": WEIGHTS}, file)
    if weights is not None and fetch:
        _fetched(address, folder / "downloaded", found)
    return LocalModel(network, trained, {"sha256": found, "address": address})


def _released(row: ModelRow) -> tuple[Path, str]:
    try:
        return fetch_checkpoint(row.checkpoint), f"{RELEASE}/{row.checkpoint}"
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}. Or submit the V1 front end alone, which needs no weights (front_end=True, --front-end)"
        ) from error


def _fetched(address: str, folder: Path, sha256: str | None) -> Path:
    """The checkpoint at the user's own address, in a file of the same name."""
    parts = urlsplit(address)
    try:
        return download(address, folder / (Path(parts.path).name or "weights"), sha256=sha256)
    except FileNotFoundError as error:
        advice = (
            "After file://, give the absolute path of a file on this machine, as in file:///home/me/weights.pth"
            if parts.scheme == "file"
            else "The leaderboard's machine fetches the weights from there: give the address of the file itself, one "
            "that needs no login. If it is correct and this machine has no network, give the file too (weights=, "
            "--weights) and leave out the check (check=False, --no-check), which fetches it as well"
        )
        raise FileNotFoundError(f"no weights are available: {error.__cause__}. {advice}") from error


def _without_optimizer(network: VOneNet, path: Path, target: Path) -> Path:
    """A file with the network's weights and the checkpoint's flags only; ValueError if it is too large for a zip."""
    state_dict = network.state_dict()
    # Trained weights do not compress; weights of colours that a filter ignores are zeros and compress to nothing.
    size = sum(int((value != 0).sum()) * value.element_size() for value in state_dict.values())
    if size > MAX_BYTES:
        raise ValueError(
            f"{path} holds {size / 1e6:.0f} MB of weights, and a zip may have {MAX_BYTES / 1e6:.0f} MB: put the file "
            "where the leaderboard's machine can fetch it, and also give its address (weights_url=, --weights-url)"
        )
    flags: Mapping[str, Any] = read_checkpoint(path).flags | network.vone_block.settings
    torch.save({"flags": dict(flags), "state_dict": state_dict}, target)
    return target
