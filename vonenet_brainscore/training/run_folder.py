"""The output folder of a training run: checkpoints and log."""

import csv
import errno
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..files import written_whole
from ..models.checkpoints import load_file

LAST = "last.pth.tar"
LOG = "log.csv"
COLUMNS = (
    "epoch",
    "lr",
    "train_loss",
    "train_top1",
    "validation_loss",
    "validation_top1",
    "validation_top5",
    "images_per_s",
    "seconds",
)


class RunFolder:
    """The folder of a training run, whose files are complete at any time.

    Opening writes to it, so that a folder that cannot be written to is reported before the training.

    Parameters
    ----------
    path : path
        Created if it does not exist.
    settings : mapping of mappings
        Everything on which the weights depend, as plain values by name; written into each checkpoint.
    resume : bool
        Resume the run in the folder, if there is one.

    Attributes
    ----------
    settings : mapping of mappings
    checkpoint_sha256 : str
        Of the file that `checkpoint` read; empty before and without one.

    Raises
    ------
    FileExistsError
        If there is a run and `resume` is not asked for.
    OSError
        If the folder cannot be written to.
    ModuleNotFoundError
        If tensorboard is not installed.
    """

    def __init__(self, path: str | os.PathLike, *, settings: Mapping[str, Mapping[str, Any]], resume: bool) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                f"{error}; training writes a log for it: pip install 'vonenet_brainscore[training]'"
            ) from error
        self._summary_writer = SummaryWriter
        self._tensorboard: Any = None
        self.checkpoint_sha256 = ""
        self.path = Path(path).expanduser()
        self.settings: Mapping[str, Mapping[str, Any]] = dict(settings)
        if self.last.exists() and not resume:
            raise FileExistsError(
                f"{self.path} holds a training run; --resume resumes it, another --output_path starts a new one"
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.path).close()
            for pattern in (".*.pth.*.part.tar", ".log.*.part.csv"):  # of a process that was killed while it saved
                for partial in self.path.glob(pattern):
                    partial.unlink(missing_ok=True)
        except OSError as error:
            raise OSError(
                error.errno, f"cannot write to the folder {self.path}: {error.strerror}; choose another --output_path"
            ) from error

    @property
    def last(self) -> Path:
        """The last epoch's checkpoint."""
        return self.path / LAST

    def checkpoint(self) -> dict[str, Any] | None:
        """The content of `last`; None if the run starts from the beginning.

        Raises
        ------
        ValueError
            If it is damaged, no checkpoint of a training run, or one with other settings than a number of epochs.
        """
        if not self.last.exists():
            return None
        content, self.checkpoint_sha256 = load_file(self.last)
        if not isinstance(content, dict) or not {"history", "answers", *self.settings} <= content.keys():
            raise ValueError(f"{self.last} is no checkpoint of a training run; choose another --output_path")
        different = [
            f"{name} {content[part].get(name)!r}, now {now.get(name)!r}"
            for part, now in self.settings.items()
            for name in {**now, **content[part]}
            if name != "epochs" and now.get(name) != content[part].get(name)
        ]
        if different:
            raise ValueError(f"{self.path} holds a run with other settings: {'; '.join(different)}")
        return content

    def close(self) -> None:
        """Close the log for TensorBoard."""
        if self._tensorboard:
            self._tensorboard.close()

    def save(self, content: Mapping[str, Any], *, kept: bool) -> None:
        """Keep an epoch: its checkpoint, a copy of that under the epoch's own name if it is to be `kept`, and the logs.

        Parameters
        ----------
        content : mapping
            `epoch`, and `history` with a mapping of `COLUMNS` an epoch, beside whatever else a checkpoint holds.

        Raises
        ------
        OSError
            If there is no room. The checkpoint before stays whole.
        """
        serialised = io.BytesIO()  # torch's own writer, given a file, turns a full disk into a RuntimeError
        torch.save({**content, **self.settings}, serialised)
        names = [f"epoch_{content['epoch']:02d}.pth.tar"] if kept else []
        for name in (*names, LAST):
            self._write(name, serialised.getbuffer())
        self.log(content["history"])

    def log(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Write the logs: the table anew, and to TensorBoard the last epoch, or all of them when the folder was opened.

        So the logs never have an epoch that the checkpoint has not, nor lack one whatever a killed process left.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        table = io.StringIO()
        writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
        self._write(LOG, table.getvalue().encode())
        place = self.path / "tensorboard"
        unwritten = history[-1:] if self._tensorboard else history
        with self._advice(place):
            # While it is written to it is not `self._tensorboard`, for one that failed fails again when it is closed.
            log, self._tensorboard = self._tensorboard or self._summary_writer(place, purge_step=1), None
            for row in unwritten:
                for name, value in row.items():
                    if value is not None and name != "epoch":
                        log.add_scalar(name, value, row["epoch"])
            log.flush()
        self._tensorboard = log

    def _write(self, name: str, data: bytes | memoryview) -> None:
        with self._advice(self.path / name), written_whole(self.path / name) as partial:
            partial.write_bytes(data)

    @contextmanager
    def _advice(self, path: Path) -> Iterator[None]:
        """Context in which an OSError says what is kept and how to resume."""
        try:
            yield
        except OSError as error:
            advice = "make room" if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else "mend it"
            raise OSError(
                error.errno,
                f"cannot write {path}: {error.strerror}. The epochs before are whole; {advice} and run the "
                "same command with --resume",
            ) from error
