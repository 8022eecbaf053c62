"""The tables of a report: shown with models side by side, and downloadable with every number."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..results import results_table
from .pictures import data_uri

if TYPE_CHECKING:
    from brainscore_core.metrics import Score

    from ..benchmarks.joint_comparison import JointComparison
    from ..gabors.gabor_comparison import GaborComparison

    Scores = Mapping[str, Mapping[str, Score]]  # by model and benchmark
    Comparisons = Mapping[str, GaborComparison]  # by model

# What of a score's record is told once for all benchmarks that were recorded alike.
_RECORDED = ("region", "layer", "weights", "noise", "noise_seed", "trials", "seed", "batch_size", "threads", "device")

_COUNTS = {"primate": "n_neurons", "model": "n_model"}  # beside a column of models' names

Rows = dict[Any, dict[str, dict[str, Any]]]  # what is compared -> model -> column -> value


def score_rows(scores: "Scores") -> Rows:
    """`results_table` of each model, by benchmark."""
    return _side_by_side(_score_table(scores))


def problems_of(scores: "Scores") -> dict[tuple[str, str], list[str]]:
    """Reasons why benchmarks could not be scored, with the models concerned, by benchmark and problem."""
    problems: dict[tuple[str, str], list[str]] = {}
    for model, of_model in scores.items():
        for identifier, score in of_model.items():
            if "problem" in score.attrs:
                problems.setdefault((identifier, score.attrs["problem"]), []).append(model)
    return problems


def yardsticks_of(scores: "Scores") -> list[str]:
    """Footnotes on other laboratories' measurements of the scored properties."""
    from ..primates.other_laboratories import footnotes
    from ..primates.property_table import V1_BENCHMARKS

    scored = dict.fromkeys(identifier for of_model in scores.values() for identifier in of_model)
    return footnotes(V1_BENCHMARKS[identifier] for identifier in scored if identifier in V1_BENCHMARKS)


def gabor_rows(comparisons: "Comparisons") -> Rows:
    """`GaborComparison.to_frame` of each model, by parameter and population; those with primate counts."""
    tables = {name: each.to_frame().dropna(subset="n_neurons") for name, each in comparisons.items()}
    return _side_by_side(_by_model(tables))


def readable_name(identifier: str) -> str:
    """The property of a V1 benchmark in words, as 'Preferred orientation'; other names unchanged."""
    from ..primates.property_table import V1_BENCHMARKS

    row = V1_BENCHMARKS.get(identifier)
    return row.label if row else identifier


def shared_value(of_model: Mapping[str, Mapping[str, Any]], column: str) -> Any:
    """The value that all models share in a column of a row, such as a ceiling; None if no model has it."""
    values = (columns.get(column) for columns in of_model.values())
    return next((value for value in values if not pd.isna(value)), None)


def sampling_of(comparisons: "Comparisons") -> pd.DataFrame:
    """Numbers of filters that pixels and kernel cannot represent, one row per model and setting."""
    return _by_model({name: each.sampling for name, each in comparisons.items()}).reset_index()


def provenance_of(scores: "Scores") -> dict[str, Any]:
    """`recorded`, one row per model and way of recording it; `versions` of the packages, which all scores share."""
    table = _score_table(scores)
    recorded = table[[name for name in _RECORDED if name in table]].dropna(how="all")
    of_versions = table["versions"].dropna() if "versions" in table else pd.Series()
    return {
        "recorded": recorded.convert_dtypes().reset_index("model").drop_duplicates(),
        "versions": of_versions.iloc[0] if len(of_versions) else {},
    }


def downloads(
    scores: "Scores", comparisons: "Comparisons", jointly: "Mapping[str, Sequence[JointComparison]]"
) -> dict[str, str]:
    """Every number, as CSV in data: URIs, by file name."""
    score_table = _score_table(scores)
    if "versions" in score_table:
        as_text = score_table["versions"].map(lambda each: json.dumps(each, sort_keys=True), na_action="ignore")
        score_table["versions"] = as_text
    values = {
        (model, identifier): pd.DataFrame({"value": score.attrs["model_values"]})
        for model, of_model in scores.items()
        for identifier, score in of_model.items()
        if "model_values" in score.attrs
    }
    histograms = {
        (model, row.primate.name, row.primate.population): row.bins().rename(columns=_COUNTS)
        for model, comparison in comparisons.items()
        for row in comparison.distributions
    }
    tables = {"scores.csv": score_table}
    if values:
        tables["v1-property-values.csv"] = pd.concat(values, names=["model", "benchmark", "neuroid"])
    joint_tables = {name: pd.concat([one.to_frame() for one in each]) for name, each in jointly.items() if each}
    if joint_tables:
        tables["v1-joint-similarities.csv"] = _by_model(joint_tables)
    if comparisons:
        tables |= {
            "gabor-similarities.csv": _by_model({name: each.to_frame() for name, each in comparisons.items()}),
            "gabor-histograms.csv": pd.concat(histograms, names=["model", "parameter", "population", "bin"]),
            "gabor-filters.csv": _by_model({name: each.filters for name, each in comparisons.items()}),
            "gabor-sampling.csv": _by_model({name: each.sampling for name, each in comparisons.items()}),
        }
    return {name: data_uri("text/csv", table.to_csv().encode()) for name, table in tables.items()}


def _score_table(scores: "Scores") -> pd.DataFrame:
    return _by_model({name: results_table(each) for name, each in scores.items()})


def _by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, names=["model"]) if tables else pd.DataFrame()


def _side_by_side(table: pd.DataFrame) -> Rows:
    """A table indexed by model and what is compared, turned so that each thing holds its models."""
    rows: Rows = {}
    for (model, *compared), columns in zip(table.index, table.to_dict("records"), strict=True):
        rows.setdefault(tuple(compared), {})[model] = {str(name): value for name, value in columns.items()}
    return rows
