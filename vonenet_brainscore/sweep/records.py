"""The folder of a sweep's scores: one record per cell, stored under the cell's content."""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..kept_scores import KeptScores
from ..models.checkpoints import checkpoint_sha256, vonenet_home
from ..models.registry import MODELS
from .cells import Cell

if TYPE_CHECKING:
    from brainscore_core.metrics import Score


class Records:
    """The records of a sweep. Several sweeps, on several machines, may use one folder, as `KeptScores` says.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept = KeptScores(folder)

    @contextmanager
    def opened(self) -> Iterator[str]:
        """Create the folder, check that it is writable, and give the name of a file by which workers recognise it.

        At the end, leftovers of killed workers are removed if other workers completed the same records.

        Raises
        ------
        OSError
            If the folder cannot be created or written to.
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
            self._kept.remove_leftovers()

    def read(self, cell: Cell) -> "Score | None":
        """The score on record; None if there is none or it is not valid for the cell's weights.

        Warns
        -----
        UserWarning
            As `KeptScores.read`, if the record is damaged.
        """
        score = self._kept.read(cell.content)
        return None if score is None or not of_these_weights(cell, score) else score

    def write(self, cell: Cell, score: "Score") -> None:
        """Put a score on record; OSError or TypeError as `KeptScores.write`."""
        self._kept.write(cell.content, score)


def of_these_weights(cell: Cell, score: "Score") -> bool:
    """Whether a score was made with the weights file that its cell names, or with the released one on this machine.

    Released weights are fetched only when a region or a stimulus needs them, so a cell's content cannot name them.
    """
    made_with = re.search("sha256 ([0-9a-f]{64})", str(score.attrs.get("weights", "")))
    own = cell.content["front_end"].get("weights")
    if cell.model not in MODELS and own is None:
        return True  # the content itself identifies the weights
    if own is not None:
        return made_with is not None and made_with[1] == own
    checkpoint = MODELS[cell.model].checkpoint
    if made_with is None or not checkpoint or not (vonenet_home() / checkpoint).is_file():
        return True
    return made_with[1] == checkpoint_sha256(vonenet_home() / checkpoint)
