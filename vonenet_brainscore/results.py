"""Scores as a table, and as files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from .files import check_writable, written_whole

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

SUFFIXES = (".json", ".csv", ".nc")


def results_table(scores: "Mapping[str, Score]") -> pd.DataFrame:
    """One row per benchmark: score, raw, ceiling, error, intervals if available, and provenance.

    `score_low` and `score_high` are the ends of the score's 95 % interval, likewise those of raw and ceiling. `error`
    is Brain-Score's error, for most benchmarks that of `raw`; `error_of` names the quantity.

    Parameters
    ----------
    scores : mapping from benchmark identifier to Score

    Returns
    -------
    DataFrame
        Indexed by `benchmark`. `raw` and `ceiling` are NaN if the benchmark has none. `remarks` is text, one line per
        remark.

    Raises
    ------
    TypeError
        If `scores` is not a mapping from benchmark to Score.
    ValueError
        If `scores` is empty.

    Examples
    --------
    >>> from brainscore_core.metrics import Score
    >>> from vonenet_brainscore import results_table
    >>> score = Score(0.8)
    >>> score.attrs |= {"raw": Score(0.72), "ceiling": Score(0.9), "error": 0.01}
    >>> results_table({"a benchmark": score})[["score", "raw", "ceiling", "error"]].values.tolist()
    [[0.8, 0.72, 0.9, 0.01]]
    """
    from brainscore_core.metrics import Score

    if not isinstance(scores, Mapping) or not all(isinstance(score, Score) for score in scores.values()):
        raise TypeError("scores must map benchmarks to Scores, as returned by score_model(model, [benchmark, ...])")
    if not scores:
        raise ValueError("there are no scores")
    rows = [{"benchmark": identifier, **result_row(score)} for identifier, score in scores.items()]
    return pd.DataFrame(rows).set_index("benchmark")


def result_row(score: "Score") -> dict[str, Any]:
    """A score as plain values: score, raw, ceiling, error (NaN where not one number), and its plain attributes."""
    attrs = score.attrs
    row = {
        "score": float(score),
        "raw": _number(attrs.get("raw")),
        "ceiling": claimed_ceiling(attrs),
        "error": _number(attrs.get("error")),
    }
    return row | {name: _native(value) for name, value in attrs.items() if name not in row and _plain(value)}


def save_results(scores: "Mapping[str, Score]", path: str | Path) -> None:
    """Write scores to a file atomically.

    ``.csv`` holds `results_table`; ``.json`` the same by benchmark; ``.nc`` an xarray Dataset over `benchmark` with
    everything in the table (`versions` as JSON text).

    Raises
    ------
    ValueError, FileNotFoundError, PermissionError
        As `files.check_writable`.
    TypeError, ValueError
        As `results_table`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from brainscore_core.metrics import Score
    >>> from vonenet_brainscore import save_results
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_results({"a benchmark": Score(0.8)}, Path(folder) / "scores.csv")
    ...     (Path(folder) / "scores.csv").read_text().splitlines()[1][:16]
    'a benchmark,0.8,'
    """
    file = check_writable(path, SUFFIXES)
    table = results_table(scores)
    with written_whole(file) as partial:
        if file.suffix == ".json":
            partial.write_text(json.dumps(_json_rows(table), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            return
        table = flat(table)
        if file.suffix == ".csv":
            table.to_csv(partial)
        else:
            texts = table.select_dtypes("object").columns
            xr.Dataset.from_dataframe(table.astype({column: str for column in texts})).to_netcdf(partial)


def flat(table: pd.DataFrame) -> pd.DataFrame:
    """A copy with JSON text for every dict."""

    def text(value: Any) -> Any:
        return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value

    return table.apply(lambda column: column.map(text) if column.dtype == object else column)


def _json_rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """NaN becomes null: JSON has no NaN."""
    return {
        str(identifier): {
            name: None if isinstance(value, float) and not np.isfinite(value) else _native(value)
            for name, value in row.items()
        }
        for identifier, row in table.iterrows()
    }


def _native(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def claimed_ceiling(attrs: Mapping[str, Any]) -> float:
    """The ceiling in a score's attributes; NaN if there is none."""
    ceiling = attrs.get("ceiling")
    return _number(ceiling) if getattr(ceiling, "attrs", {}).get("claimed", True) else np.nan


def _number(value: Any) -> float:
    """A number; NaN for None, and for arrays, which some of Brain-Score's metrics store with a score."""
    return np.nan if value is None or np.ndim(value) else float(value)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int | float | dict | np.generic)
