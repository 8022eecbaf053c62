"""Checkpoint files: trained weights, downloaded and read without executing any code that they may contain."""

import argparse
import hashlib
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from textwrap import shorten
from typing import IO, Any

import torch
from torch import Tensor, nn

from ..arguments import check_text
from .downloads import download, sha256_of

RELEASE = "https://vonenet-models.s3.us-east-2.amazonaws.com"  # where the authors of VOneNet keep their weights
# Left over from training in the adversarially trained release; the network has no such layers.
UNUSED_KEYS = ("vone_block.div_u.weight", "vone_block.div_t.weight")
_MOST_COMPRESSED = (
    10  # times the file; the zeros in filters of one colour may be compressed, a bomb is thousands of times
)


@dataclass(frozen=True, eq=False)  # tensors have no single truth value to compare by
class Checkpoint:
    """Contents of a checkpoint file of a trained network.

    Attributes
    ----------
    state_dict : dict of str to Tensor
        Weights on the CPU, by the network's own names: no ``module.`` in front, no ``UNUSED_KEYS``.
    flags : dict
        What the network was trained with: ``model_arch`` as 'resnet50', 'cornets', 'alexnet', ..., and as the file has
        them ``stride``, ``simple_channels``, ``complex_channels``, ``k_exc``, ``noise_mode``, ... Empty for a file of
        weights alone.
    epoch : int or None
        Training epochs done, if the file says so.
    sha256 : str
        Of the file.
    path : Path
        Where it was read.
    """

    state_dict: dict[str, Tensor] = field(repr=False)
    flags: dict[str, Any]
    epoch: int | None
    sha256: str
    path: Path


def vonenet_home() -> Path:
    """The folder of downloaded weights: ``$VONENET_HOME``, or ``~/.vonenet`` where that is not set."""
    return Path(os.environ.get("VONENET_HOME") or "~/.vonenet").expanduser()


def fetch_checkpoint(file_name: str, *, address: str | None = None) -> Path:
    """The checkpoint ``file_name`` in ``vonenet_home()``, downloaded if it is not there yet.

    Parameters
    ----------
    file_name : str
        Such as ``voneresnet50_e70.pth.tar``; a name, not a path.
    address : str, optional
        Where to download it; default, the released weights' own.

    Raises
    ------
    ValueError, FileNotFoundError, OSError
        As ``download`` says: a file that changed, one that is unavailable, one that cannot be saved.
    """
    check_text(file_name=file_name)
    if file_name in ("", "..") or Path(file_name).name != file_name or "\0" in file_name:
        raise ValueError(f"{file_name!r} is not a file name; for a file of your own use read_checkpoint(path)")
    return download(f"{RELEASE}/{file_name}" if address is None else address, vonenet_home() / file_name)


def checkpoint_sha256(path: Path) -> str:
    """The sha256 of a checkpoint, in hexadecimal; a file that has not changed since is read once."""
    stat = path.stat()
    return _sha256_of(path, stat.st_mtime_ns, stat.st_size)


@lru_cache
def _sha256_of(path: Path, _modified: int, _size: int) -> str:
    return sha256_of(path)


def read_checkpoint(path: str | Path) -> Checkpoint:
    """The weights in a file written by ``torch.save``, and their description in the file.

    Accepted are ``{'state_dict': ..., 'flags': ..., 'epoch': ..., ...}``, as training scripts write it, and a bare
    state dict. ``flags`` may name the architecture ``arch`` or ``model_arch`` and spell it with any capitals and
    underscores. The optimizer's state and all other entries are dropped.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or no checkpoint, holds Python objects other than tensors and plain values (whose code
        is never run), is compressed, or has weights that are NaN or infinite, or more in number than are stored.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint at {path}; give the path of one, or have a released one downloaded to "
            f"{vonenet_home()} with fetch_checkpoint or get_model(..., pretrained=True)"
        )
    content, sha256 = load_file(path)
    if isinstance(content, Mapping) and "state_dict" in content:
        weights, flags, epoch = content["state_dict"], content.get("flags", {}), content.get("epoch")
    else:
        weights, flags, epoch = content, {}, None
    return Checkpoint(_state_dict(weights, path), _flags(flags, path), _epoch(epoch, path), sha256, path)


def load_file(path: Path) -> tuple[Any, str]:
    """Content and sha256 of the same file, even if the file is replaced while it is read.

    Raises
    ------
    ValueError
        If it is damaged, or holds objects other than tensors and plain values.
    """
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        head = file.read(16)
        file.seek(0)
        try:
            _refuse_compression(file)
            file.seek(0)
            # Training scripts save their flags as argparse returned them; a Namespace runs nothing when it is read.
            with torch.serialization.safe_globals([argparse.Namespace]):
                return torch.load(file, map_location="cpu", weights_only=True), sha256
        except MemoryError:
            raise
        except (
            Exception
        ) as error:  # torch raises almost any error for a damaged file, including OSError and struct.error
            raise ValueError(f"{path} {_what_is_wrong(head, error)}") from error


def load_weights(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Load the weights of a state dict into a network.

    Raises
    ------
    ValueError
        If they are not those of such a network: what torch says of it, cut short, for it names every single weight.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(shorten(str(error), 500)) from error


def _refuse_compression(file: IO[bytes]) -> None:
    """ValueError for an archive that unpacks to many times its size: torch writes weights as they are."""
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    size = file.seek(0, os.SEEK_END)
    if unpacked > _MOST_COMPRESSED * size:
        raise ValueError(f"compressed: {unpacked} bytes in {size}")


def _what_is_wrong(head: bytes, error: Exception) -> str:
    again = "Delete it, and the .sha256 beside it if there is one, and download or copy it again"
    if forbidden := re.search(r"GLOBAL (\S+)", str(error)):
        return (
            f"holds more than weights: loading it would run {forbidden[1]}, and nothing of it was run. If it should be "
            f"a released checkpoint, it is damaged or not what it says: {again[0].lower()}{again[1:]}. If you wrote it "
            "yourself, load it where you wrote it and save its state_dict() alone"
        )
    if "TorchScript" in str(error):
        return (
            "is a TorchScript archive, a program together with its weights, and nothing of it was run. Load it where "
            "you trust it and save its state_dict() alone"
        )
    if str(error).startswith("compressed: "):
        return f"is {error}, which torch.save never does and would fill the memory. {again}"
    if not head:
        return f"is empty. {again}"
    if head.startswith((b"PK\x03\x04", b"\x80\x02")):  # what torch.save writes since 1.6, and wrote before
        return f"is cut short or damaged. {again}"
    return f"is not a file that torch.save wrote: it starts with {head!r}. {again}"


def _state_dict(weights: Any, path: Path) -> dict[str, Tensor]:
    if not isinstance(weights, Mapping) or not weights:
        raise ValueError(f"{path} has no state dict but a {type(weights).__name__}; save {{'state_dict': ...}}")
    strangers = [key for key, value in weights.items() if not isinstance(key, str) or not isinstance(value, Tensor)]
    if strangers:
        raise ValueError(
            f"{path} has no state dict: its {strangers[0]!r} is no tensor, and its keys are "
            f"{', '.join(map(str, list(weights)[:8]))}; save {{'state_dict': ...}}"
        )
    problems = {key: problem for key, value in weights.items() if (problem := _problem(value))}
    if problems:
        key, problem = next(iter(problems.items()))
        raise ValueError(
            f"{path} holds no weights as they are trained: {key} {problem}; save the network's state_dict()"
        )
    prefixed = sum(key.startswith("module.") for key in weights)  # DataParallel's doing
    if prefixed not in (0, len(weights)):
        raise ValueError(f"{path} has 'module.' in front of {prefixed} of {len(weights)} names; save one network's")
    state_dict = {key.removeprefix("module."): value for key, value in weights.items()}
    state_dict = {key: value for key, value in state_dict.items() if key not in UNUSED_KEYS}
    broken = [key for key, value in state_dict.items() if not _is_finite(value)]
    if broken:
        raise ValueError(
            f"{path} has NaN or infinity in {len(broken)} of its tensors, {broken[0]} first; "
            "training diverged or the file is damaged: use an earlier checkpoint or download it again"
        )
    return state_dict


def _problem(value: Tensor) -> str | None:
    """Why a tensor cannot be weights, apart from its values."""
    if value.layout != torch.strided or value.is_quantized or value.is_nested or value.device.type != "cpu":
        return "is not a dense tensor with its values"
    if value.is_floating_point() and value.element_size() < 2:
        return f"is {value.dtype}"
    stored = value.untyped_storage().nbytes() // value.element_size()
    if value.numel() > stored:  # a view that repeats a few numbers: summing them could take for ever
        return f"claims {value.numel()} numbers where {stored} are stored"
    return None


def _is_finite(value: Tensor) -> bool:
    """Whether no element is NaN or infinite. A finite sum proves it five times as fast; any other sum may overflow."""
    return bool(value.sum().isfinite()) or bool(value.isfinite().all())


def _flags(flags: Any, path: Path) -> dict[str, Any]:
    """Flags as a dict, the architecture under ``model_arch`` in one spelling."""
    if isinstance(flags, argparse.Namespace):
        flags = vars(flags)
    if not isinstance(flags, Mapping):
        raise ValueError(f"{path} has a {type(flags).__name__} as flags; save a dict")
    spellings = {key: flags[key] for key in ("arch", "model_arch") if flags.get(key) is not None}
    if any(not isinstance(spelling, str) for spelling in spellings.values()):
        raise ValueError(f"{path} gives its architecture as {spellings}; save a name such as 'resnet50'")
    architectures = {_architecture(spelling) for spelling in spellings.values()}
    if len(architectures) > 1:
        raise ValueError(f"{path} names two architectures, {spellings}; save one")
    others = {key: value for key, value in flags.items() if key not in ("arch", "model_arch")}
    return {"model_arch": architectures.pop(), **others} if architectures else others


def _architecture(spelling: str) -> str:
    """'cornets' for 'CORnet_S', 'resnet50' for 'ResNet-50' and for 'resnet50_at', which differs in training only."""
    bare = re.sub("_(at|ns)$", "", spelling.lower())
    return re.sub("[^a-z0-9]", "", bare)


def _epoch(epoch: Any, path: Path) -> int | None:
    if epoch is None:
        return None
    if isinstance(epoch, bool) or not isinstance(epoch, int | float) or epoch % 1 != 0:
        raise ValueError(f"{path} gives its epoch as {epoch!r}; save a whole number")
    return int(epoch)
