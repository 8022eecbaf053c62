"""Scores kept by the content of everything that makes them, in result-caching's folder.

Brain-Score's own caches pickle results under names, so that two models of one name collide. These are JSON files
(nothing is executed on loading) named by a digest.
"""

import hashlib
import json
import logging
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from result_caching import _DiskStorage

if TYPE_CHECKING:
    import torch
    from brainscore_core.metrics import Score

_logger = logging.getLogger(__name__)


def cached_score(content: Mapping[str, Any], compute: "Callable[[], Score]") -> "Score":
    """The score kept for this content, or what `compute` returns, kept for the next time.

    Two processes may write at once: each writes a file of its own and renames it. A damaged file is computed anew,
    with a warning. result-caching's RESULTCACHING_HOME and RESULTCACHING_DISABLE apply.

    Parameters
    ----------
    content : mapping
        Everything the score depends on, as plain values.
    compute : callable
        A score that says another `batch_size` than the content, halved as memory ran out, is not kept.
    """

    def vonenet_brainscore_score(digest: str) -> "Score":
        return compute()

    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    return _ScoreStorage(content.get("batch_size"))(vonenet_brainscore_score)(digest)


@lru_cache
def code_digest() -> str:
    """Digest of this package's own modules: another version of them may score otherwise."""
    digest = hashlib.sha256()
    for module in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(module.read_bytes())
    return digest.hexdigest()


def network_digest(network: "torch.nn.Module") -> str | None:
    """Digest of a network: its modules, as they print, and every parameter and buffer.

    None if a module is neither torch's nor this package's, or is hooked: what its code does cannot be known.
    """
    ours = __name__.rpartition(".")[0]
    for module in network.modules():
        foreign = not type(module).__module__.startswith(("torch.nn.", f"{ours}."))
        if foreign or module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
            return None
    digest = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(dtype=_bytes()).numpy().tobytes())
    return digest.hexdigest()


def _bytes() -> Any:
    import torch

    return torch.uint8


class _ScoreStorage(_DiskStorage):
    """result-caching's storage with JSON for pickles, names that no two writers share, and a check on reading."""

    def __init__(self, batch_size: int | None) -> None:
        super().__init__()
        self._batch_size = batch_size

    def storage_path(self, function_identifier: str) -> str:
        return str(Path(self._storage_directory) / f"{function_identifier}.json")

    def is_stored(self, function_identifier: str) -> bool:
        path = Path(self.storage_path(function_identifier))
        if not path.is_file():
            return False
        try:
            self.load_file(path)
        except Exception as error:  # whatever is in a file that others may have written
            warnings.warn(f"the kept score {path} is damaged ({error}); computing it anew", stacklevel=4)
            return False
        return True

    def save(self, result: "Score", function_identifier: str) -> None:
        from .files import written_whole

        if result.attrs.get("batch_size") != self._batch_size:
            return
        path = Path(self.storage_path(function_identifier))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with written_whole(path) as partial:
                partial.write_text(json.dumps(encoded(result)), encoding="utf-8")
        except (OSError, TypeError) as error:  # the score is there; only the next call will have to compute it again
            warnings.warn(f"the score could not be kept in {path.parent} ({error})", stacklevel=4)

    def load_file(self, path: str | Path) -> Any:
        return decoded_score(json.loads(Path(path).read_text(encoding="utf-8")))


def decoded_score(value: Any) -> "Score":
    """The score that `encoded` made plain; ValueError, KeyError or TypeError where that was no score, or is damaged."""
    score = _decoded(value)
    if type(score).__name__ != "Score":
        raise TypeError(f"it holds a {type(score).__name__}, not a Score")
    float(score)
    return score


def encoded(value: Any) -> Any:
    """Plain JSON for a Score and all that hangs on it; arrays keep their type, assemblies their coordinates."""
    import xarray as xr
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    if isinstance(value, xr.DataArray):
        kind = type(value).__name__
        if kind not in _assembly_classes():
            raise TypeError(f"a score holds a {kind}, which cannot be kept")
        return {
            "kind": kind,
            "values": encoded(value.values),
            "dims": list(value.dims),
            "coords": [[name, list(dims), encoded(np.asarray(values))] for name, dims, values in walk_coords(value)],
            "attrs": encoded(dict(value.attrs)),
        }
    if isinstance(value, np.ndarray):
        return {"kind": "array", "dtype": value.dtype.str, "shape": value.shape, "values": value.ravel().tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {"kind": "mapping", "items": [[encoded(name), encoded(each)] for name, each in value.items()]}
    if isinstance(value, list | tuple):
        return {"kind": type(value).__name__, "items": [encoded(each) for each in value]}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a score holds a {type(value).__name__}, which cannot be kept")


def _decoded(value: Any) -> Any:
    """What `encoded` made plain, as it was."""
    if not isinstance(value, dict):
        return value
    kind = value["kind"]
    if kind == "mapping":
        return {_decoded(name): _decoded(each) for name, each in value["items"]}
    if kind in ("list", "tuple"):
        items = [_decoded(each) for each in value["items"]]
        return items if kind == "list" else tuple(items)
    if kind == "array":
        dtype = np.dtype(value["dtype"])
        if dtype.kind not in "biufcUSO":
            raise ValueError(f"it holds an array of {dtype}")
        # Text as wide as it is, not as wide as the file says.
        return np.array(value["values"], dtype.char if dtype.kind in "US" else dtype).reshape(value["shape"])
    coords = {name: (dims, _decoded(each)) for name, dims, each in value["coords"]}
    assembly = _assembly_classes()[kind](_decoded(value["values"]), coords=coords, dims=value["dims"])
    assembly.attrs.update(_decoded(value["attrs"]))
    return assembly


def _assembly_classes() -> dict[str, Any]:
    import xarray as xr
    from brainscore_core.metrics import Score
    from brainscore_core.supported_data_standards.brainio import assemblies

    classes = (assemblies.DataAssembly, assemblies.NeuroidAssembly, assemblies.NeuronRecordingAssembly)
    return {known.__name__: known for known in (Score, xr.DataArray, *classes)}
