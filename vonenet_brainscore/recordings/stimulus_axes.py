"""Responses to a list of gratings, laid out along the axes of the experiment."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def responses_by_axis(
    responses: np.ndarray, blank: np.ndarray, parameters: pd.DataFrame, axes: Sequence[str]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Responses with one dimension for each stimulus axis instead of one for all presentations.

    Parameters
    ----------
    responses : array, shape (neuroid, presentation)
    blank : array, shape (neuroid,)
        Response to the blank screen; only checked.
    parameters : DataFrame, a row a presentation
        In the order of `grating_parameters`.
    axes : sequence of str
        Columns of `parameters`, the last one varying fastest.

    Returns
    -------
    array, shape (neuroid, slower, *axes)
        A view of `responses`; `slower` counts what varies outside the `axes`.
    dict
        The sorted levels of each axis.

    Raises
    ------
    ValueError
        If shapes differ, a response is not finite, or the presentations are in another order.
    """
    responses, blank = np.asarray(responses), np.asarray(blank)
    if responses.ndim != 2 or responses.shape[1] != len(parameters) or blank.shape != responses.shape[:1]:
        raise ValueError(
            f"responses have shape {responses.shape} and the blank's {blank.shape}, but must be (neuroid, "
            f"{len(parameters)} presentations) and (neuroid,)"
        )
    # Extremes, not isfinite: a mask the size of a receptive-field recording is hundreds of megabytes.
    extremes = [extreme(values, initial=0) for values in (responses, blank) for extreme in (np.min, np.max)]
    if not np.isfinite(extremes).all():
        raise ValueError("a response is NaN or infinite; tuning cannot be measured on it")

    levels = {axis: np.unique(parameters[axis]) for axis in axes}
    grid = np.stack(np.meshgrid(*levels.values(), indexing="ij"), axis=-1).reshape(-1, len(axes))
    slower = len(parameters) // max(len(grid), 1)
    if not np.array_equal(np.tile(grid, (slower, 1)), parameters[list(axes)].to_numpy()):
        raise ValueError(
            f"the {len(parameters)} presentations are not every combination of {', '.join(axes)} with the last "
            "fastest; keep to the order of grating_parameters"
        )
    return responses.reshape(len(responses), slower, *map(len, levels.values())), levels
