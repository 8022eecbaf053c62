"""`score_models`: models x settings x benchmarks, on one machine or a cluster, robust to interruptions."""

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..arguments import check_real, usable_device
from ..progress import note, progress_bar
from .cells import Sweep
from .records import Records

if TYPE_CHECKING:
    import torch
    from xarray import Dataset

    from .cells import Cell
    from .work import Outcome

_NOT_REACHED = "not reached"


def score_models(
    models: str | Sequence[str],
    benchmarks: str | Sequence[str] = "V1-properties",
    settings: Mapping[str, Iterable[Any]] | None = None,
    *,
    output: str | Path,
    noise: str = "model",
    trials: int | None = None,
    seed: int = 0,
    region_layer_map: Mapping[str, str] | None = None,
    weights: str | Path | None = None,
    workers: int | None = None,
    threads: int = 1,
    scheduler: str | None = None,
    cluster: str | None = None,
    cluster_options: Mapping[str, Any] | None = None,
    memory: int | None = None,
    device: "str | torch.device | None" = None,
    cache: bool = True,
    patience_s: float = 300,
    progress: bool = True,
) -> "Dataset":
    """Score every model with every combination of settings on every benchmark.

    Each score is stored in `output` as soon as it is finished, and a sweep into the same folder does not repeat it: a
    sweep that is killed at any moment resumes from there. The same seeds give the same bits with any number of workers,
    in one process or on a cluster of identical machines.

    Parameters
    ----------
    models : str or sequence of str
        Names as for `score_model`: in `MODELS`, ``brainscore:ID``, ``timm:NAME``, ``torchvision:NAME``,
        ``module:function``, or ``vonenet:timm:NAME``, a VOneBlock before a network.
    benchmarks : str or sequence of str
        Names as for `score_model`.
    settings : mapping from name to values, optional
        ``{'gabor_seed': range(10), 'noise_scale': [0, 0.35]}``: arguments of `get_model` for the VOneBlock, `seed` and
        `trials`. A noise_scale of 0 switches noise off.
    output : path
        A folder that every worker can access, created if absent. It holds `records` and, at the end, `results.csv`,
        `results.nc` and `results.png`.
    noise, trials, seed
        As for `score_model`, unless a setting overrides them.
    region_layer_map, weights
        As for `score_model`, for the models that are named by a reference.
    workers : int, optional
        Number of processes on this machine, by default as many as its cores and memory allow; 1 means this process,
        without Dask. With `cluster`, the number of jobs.
    threads : int
        Threads of torch and BLAS in each worker. Another number may change the last bit.
    scheduler : str, optional
        Address of a Dask scheduler, ``'tcp://...'``, whose workers have this package.
    cluster : str, optional
        A batch system that dask-jobqueue submits to: 'slurm', 'pbs', 'sge', 'lsf', 'oar', 'moab' or 'htcondor'.
    cluster_options : mapping, optional
        For dask-jobqueue: ``{'queue': 'normal', 'memory': '8GB', 'walltime': '02:00:00'}``.
    memory : int, optional
        Bytes that recorded features may take in each worker before they are spilled to a temporary file.
    device : str or torch.device, optional
        By default a GPU if this process has one; name it if the workers have another kind of device.
    cache : bool
        Also use the scores that `score_model` keeps.
    patience_s : float
        How long to wait for a lost scheduler.
    progress : bool
        Show a progress bar, and the address of Dask's dashboard.

    Returns
    -------
    Dataset, dims (model, one per setting, benchmark)
        `score`, `raw`, `ceiling`, `error`; NaN with the reason in `problem` for a cell that could not be scored.

    Raises
    ------
    ValueError, TypeError
        For a name or setting that does not exist, or a value that is not allowed; raised before any work.
    FileNotFoundError
        For a `weights` file that does not exist.
    OSError
        If `output` cannot hold results; raised before any work.
    ConnectionError
        If there is no scheduler, or it is lost for longer than `patience_s`.
    UnfitWorkerError
        If a worker cannot access `output`, or has another version of this package.

    Warns
    -----
    UserWarning
        For scores that are returned but not stored in `output`, because the disk was full, or because memory ran out
        and batches were halved, which may change a score's bits; and for damaged records.

    Notes
    -----
    After an error or Ctrl-C, the results contain the finished scores, and "not reached" for all other cells.
    In a script, call `score_models` below ``if __name__ == '__main__':``, because new processes import the script.

    Examples
    --------
    >>> import tempfile
    >>> from vonenet_brainscore import score_models
    >>> settings = {"simple_channels": [16], "complex_channels": [16], "gabor_seed": [0, 1]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = score_models(
    ...         "voneresnet50",
    ...         "Marques2020_DeValois1982-pref_or",
    ...         settings,
    ...         noise="none",
    ...         output=folder,
    ...         workers=1,
    ...         cache=False,
    ...         progress=False,
    ...     )
    >>> dict(found["score"].sizes)["gabor_seed"]
    2
    """
    from .place import Place
    from .tables import sweep_dataset, sweep_table, write_results
    from .work import Work, failure

    if memory is not None:
        check_real(memory=memory)
        if not 0 < memory < math.inf:
            raise ValueError(f"memory is {memory}; it is a number of bytes")
    place = Place(workers, scheduler, cluster, cluster_options or {}, patience_s)
    sweep = Sweep.of(
        models,
        benchmarks,
        settings,
        noise=noise,
        trials=trials,
        seed=seed,
        threads=threads,
        device=device,
        region_layer_map=region_layer_map,
        weights=weights,
    )
    if scheduler is None and cluster is None:
        usable_device(sweep.device)
    folder = Path(output).expanduser().resolve()
    records = Records(folder / "records")
    groups = sweep.groups()
    every = [cell for group in groups for cell in group]
    cells = {cell.key: cell for cell in every}  # files with the same weights share a cell
    with (
        records.opened() as mark,
        progress_bar(total=len(cells), desc="sweep", unit="score", shown=progress) as bar,
    ):
        work = Work(records, mark, threads, memory, cache)
        outcomes = {key: found for key, cell in cells.items() if (found := work.on_record(cell)) is not None}
        say = note if progress else _say_nothing
        if outcomes:
            say(f"{len(outcomes)} of {len(cells)} scores are already in {folder}")
        bar.update(len(outcomes))
        left = [[cell for cell in group if cell is cells[cell.key] and cell.key not in outcomes] for group in groups]
        made = place.outcomes(list(filter(None, left)), work, say)
        try:
            with closing(made):  # restores threads and closes the cluster after an error, too
                for outcome in made:
                    outcomes[outcome.key] = outcome
                    bar.update()
        finally:  # keeps what was finished before an error or an interruption
            for key in [key for key in cells if key not in outcomes]:
                # A worker records each score at once, and returns those of a setting together.
                outcomes[key] = work.on_record(cells[key]) or failure(cells[key], _NOT_REACHED)
            missing = sum(outcome.row.get("problem") == _NOT_REACHED for outcome in outcomes.values())
            if missing:
                say(f"stopped: {len(cells) - missing} of {len(cells)} are done; the same command resumes")
            lost = _keep(records, cells, outcomes)
            table = sweep_table(every, outcomes)
            dataset = sweep_dataset(sweep, table)
            lost += write_results(folder, table, dataset)
            if lost:
                warnings.warn(f"returned by score_models but not stored: {'; '.join(lost)}", stacklevel=2)
            dataset.attrs["not_kept"] = "; ".join(lost)
    return dataset


def _keep(records: Records, cells: "Mapping[str, Cell]", outcomes: "Mapping[str, Outcome]") -> list[str]:
    """Try again to store scores that a worker could not; the numbers that could not be stored, with the reasons."""
    reasons: dict[str, int] = {}
    for key, outcome in outcomes.items():
        reason = outcome.not_kept
        if outcome.score is not None:
            try:
                records.write(cells[key], outcome.score)
                reason = ""
            except (OSError, TypeError) as error:
                reason = f"{records.folder}: {error.strerror if isinstance(error, OSError) else error}"
        if reason:
            reasons[reason] = reasons.get(reason, 0) + 1
    return [f"{count} scores in {reason}" for reason, count in reasons.items()]


def _say_nothing(words: str) -> None:
    """Ignore a message, in a sweep without progress."""
