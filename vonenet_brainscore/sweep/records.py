"""The folder that a sweep's scores land in: one record a cell, whole or not at all, named by all that made it."""

import hashlib
import json
import re
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import written_whole
from ..models.checkpoints import checkpoint_sha256, vonenet_home
from ..models.registry import MODELS
from ..score_cache import decoded_score, encoded
from .cells import Cell

if TYPE_CHECKING:
    from brainscore_core.metrics import Score


class Records:
    """The records of a sweep.

    A record is a JSON file, of which nothing is executed on reading, with a digest of its own. Several sweeps, on
    several machines, may use one folder: a record that two of them write is the same in both.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def opened(self) -> Iterator[str]:
        """The folder, there and writable meanwhile; gives the name of a file by which a worker knows it again.

        Raises
        ------
        OSError
            If it cannot be made or written to.
        """
        mark = self.folder / f".sweep-{uuid.uuid4().hex}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        except OSError as error:
            raise type(error)(
                f"{self.folder.parent} cannot hold a sweep's results ({error}); name another folder"
            ) from error
        try:
            yield mark.name
        finally:
            mark.unlink(missing_ok=True)

    def read(self, cell: Cell) -> "Score | None":
        """The score on record; None where there is none, or none to rely on.

        Warns
        -----
        UserWarning
            Where the record is damaged.
        """
        path = self._path(cell)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["sha256"] != _digest(record["score"]) or record["content"] != _as_json(cell.content):
                raise ValueError("its digest is another")
            score = decoded_score(record["score"])
            return score if of_these_weights(cell, score) else None
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            warnings.warn(f"the record {path} is damaged ({error}); {cell} is scored anew", stacklevel=2)
            return None

    def write(self, cell: Cell, score: "Score") -> None:
        """Keep a score; OSError if that cannot be done, TypeError if it holds what a record cannot."""
        made = encoded(score)
        record = {"score": made, "sha256": _digest(made), "content": _as_json(cell.content)}
        with written_whole(self._path(cell)) as partial:
            partial.write_text(json.dumps(record), encoding="utf-8")

    def _path(self, cell: Cell) -> Path:
        return self.folder / f"{cell.key}.json"


def _digest(encoded_score: Any) -> str:
    return hashlib.sha256(json.dumps(encoded_score, sort_keys=True).encode()).hexdigest()


def _as_json(content: Any) -> Any:
    return json.loads(json.dumps(content))


def of_these_weights(cell: Cell, score: "Score") -> bool:
    """Whether a score was made with the weights file that its cell names, or with the released one on this machine.

    Released ones are fetched when a region or a stimulus asks for them: no cell's content can name them beforehand.
    """
    made_with = re.search("sha256 ([0-9a-f]{64})", str(score.attrs.get("weights", "")))
    own = cell.content["front_end"].get("weights")
    if own is not None:
        return made_with is not None and made_with[1] == own
    released = vonenet_home() / MODELS[cell.model].checkpoint
    if made_with is None or not released.is_file():
        return True
    return made_with[1] == checkpoint_sha256(released)
