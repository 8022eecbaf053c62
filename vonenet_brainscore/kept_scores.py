"""Scores kept on disk under a digest of everything on which they depend.

Brain-Score's own caches pickle results under names, so that two models of one name collide. Here a score is a JSON
file, which is read without executing code and named by the digest of its content.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import PARTIAL, written_whole

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

_STORE = "vonenet_brainscore.scores"  # folder in result-caching's home, and its name in RESULTCACHING_DISABLE


def content_digest(content: Mapping[str, Any]) -> str:
    """Digest of a content, independent of the order of its entries.

    Parameters
    ----------
    content : mapping
        Everything that a score depends on: numbers, text, None, and lists and mappings of these.

    Raises
    ------
    TypeError
        If it contains anything else, whose text might not be unique.
    """
    return _sha256(_json(content))


class KeptScores:
    """A folder of scores, one file each.

    Several processes, on several machines, may share it: a file is written atomically, and what two of them write
    for one content is the same.

    Parameters
    ----------
    folder : Path
        Created when the first score is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, content: Mapping[str, Any]) -> Path:
        """The file for this content, whether or not it exists."""
        return self.folder / f"{content_digest(content)}.json"

    def read(self, content: Mapping[str, Any]) -> "Score | None":
        """The score kept for this content, or None.

        Warns
        -----
        UserWarning
            If the file cannot be read, is damaged or was kept for another content. The score is None then, too.
        """
        path = self.path(content)
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            if kept["sha256"] != _sha256(_json(kept["score"])):
                raise ValueError("its digest does not match")
            if _json(kept["content"]) != _json(content):
                raise ValueError("it was kept for another content")
            return _decoded_score(kept["score"])
        except (FileNotFoundError, NotADirectoryError):
            return None
        except Exception as error:  # whatever is in a file that others may have written
            warnings.warn(f"the kept score {path} is damaged ({error}); it is scored anew", stacklevel=3)
            return None

    def write(self, content: Mapping[str, Any], score: "Score") -> None:
        """Keep a score for this content, replacing an existing one.

        Raises
        ------
        OSError
            If the file cannot be written.
        TypeError
            If the score contains anything other than plain values, arrays and assemblies.
        """
        encoded = _encoded(score)
        kept = {"score": encoded, "sha256": _sha256(_json(encoded)), "content": content}
        text = json.dumps(kept, default=_plain)
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._write_text(self.path(content), text)
        except FileNotFoundError:  # another process took the partial file for a leftover
            self._write_text(self.path(content), text)

    def _write_text(self, path: Path, text: str) -> None:
        with written_whole(path) as partial:
            partial.write_text(text, encoding="utf-8")

    def remove_leftovers(self) -> None:
        """Remove partial files that killed processes left, of scores that have since been kept."""
        for partial in self.folder.glob(PARTIAL):
            if (self.folder / f"{partial.name.split('.')[1]}.json").exists():
                with suppress(OSError):  # what cannot be removed does no harm
                    partial.unlink()


def kept_or_computed(content: Mapping[str, Any], compute: "Callable[[], Score]") -> "Score":
    """The score that an earlier call kept for this content; otherwise `compute` is called and its score kept.

    Scores are in result-caching's folder, ``$RESULTCACHING_HOME`` or ``~/.result_caching``. RESULTCACHING_DISABLE and
    RESULTCACHING_CACHEDONLY apply, under the name ``vonenet_brainscore.scores``.

    Parameters
    ----------
    content : mapping
        As in `content_digest`.
    compute : callable
        A score that says another `batch_size` than the content, halved because memory ran out, is not kept.

    Raises
    ------
    NotCachedError
        If there is no score and RESULTCACHING_CACHEDONLY forbids computing it.

    Warns
    -----
    UserWarning
        If the score on disk is damaged, or a new one cannot be written.
    """
    from result_caching import NotCachedError, cached_only, is_enabled

    kept = KeptScores(Path(os.getenv("RESULTCACHING_HOME", "~/.result_caching")).expanduser() / _STORE)
    enabled = is_enabled(_STORE)
    score = kept.read(content) if enabled else None
    if score is not None:
        return score
    if cached_only(_STORE):
        raise NotCachedError(f"no score in {kept.path(content)}, and RESULTCACHING_CACHEDONLY is set")
    score = compute()
    if enabled and score.attrs.get("batch_size") == content.get("batch_size"):
        try:
            kept.write(content, score)
        except (OSError, TypeError) as error:  # the score exists; only the next call will have to compute it again
            warnings.warn(f"the score could not be kept in {kept.folder} ({error})", stacklevel=2)
    return score


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a content holds a {type(value).__name__}, whose value JSON cannot tell")


def _decoded_score(value: Any) -> "Score":
    """The score that `_encoded` encoded; an error if the data are damaged or no score."""
    score = _decoded(value)
    if type(score).__name__ != "Score":
        raise TypeError(f"it holds a {type(score).__name__}, not a Score")
    float(score)
    return score


def _encoded(value: Any) -> Any:
    """Plain JSON for a Score and its attributes; arrays keep their type, assemblies their coordinates."""
    import xarray as xr
    from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

    if isinstance(value, xr.DataArray):
        kind = type(value).__name__
        if kind not in _assembly_classes():
            raise TypeError(f"a score holds a {kind}, which cannot be kept")
        return {
            "kind": kind,
            "values": _encoded(value.values),
            "dims": list(value.dims),
            "coords": [[name, list(dims), _encoded(np.asarray(values))] for name, dims, values in walk_coords(value)],
            "attrs": _encoded(dict(value.attrs)),
        }
    if isinstance(value, np.ndarray):
        return {"kind": "array", "dtype": value.dtype.str, "shape": value.shape, "values": value.ravel().tolist()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {"kind": "mapping", "items": [[_encoded(name), _encoded(each)] for name, each in value.items()]}
    if isinstance(value, list | tuple):
        return {"kind": type(value).__name__, "items": [_encoded(each) for each in value]}
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a score holds a {type(value).__name__}, which cannot be kept")


def _decoded(value: Any) -> Any:
    """The inverse of `_encoded`."""
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
        # Text has the width of its content, not the width stated in the file.
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
