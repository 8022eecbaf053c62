"""The marks by which files and programs denote a missing response."""

import numpy as np
import pandas as pd

# Cells of a table that hold no response, in small letters.
MISSING_TEXTS = frozenset(
    {
        *("", "nan", "none", "na", "<na>", "nat", "null", "n/a", "#n/a", "#n/a n/a", "#na", "-nan", "1.#ind"),
        *("-1.#ind", "1.#qnan", "-1.#qnan"),  # pandas (`read_csv`, na_values) and what C libraries print for NaN
        *("<missing>", "<undefined>"),  # MATLAB's string and categorical arrays
        *("--", "masked"),  # as NumPy prints a masked value
    }
)
# Numbers that programs write for a missing value.
_MARKS = (
    *(-9.0, -99.0, -999.0, -1000.0, -9999.0, -99999.0, 999.0, 9999.0, 99999.0),  # by custom
    999999.0,  # numpy.ma's default fill value of integers
    1e20,  # numpy.ma's default fill value of floats
    float(np.float32(9.969209968386869e36)),  # netCDF's, of floats and doubles
    *(-127.0, -32767.0, -2147483647.0, -9223372036854775806.0),  # netCDF's, of integers
    *(255.0, 65535.0, 4294967295.0, 18446744073709551614.0),  # netCDF's, of integers without sign
    *(32767.0, 2147483647.0),  # the largest integers: infinity cast to one
    *(float(np.finfo(np.float32).max), float(np.finfo(np.float64).max)),  # realmax; its negative is SPSS's
    -float(np.finfo(np.float64).max),
    *(-128.0, -32768.0, -2147483648.0, -9223372036854775808.0),  # the smallest integers: NaN cast to one, R's NA
)


def numbers(column: pd.Series) -> pd.Series:
    """A table's column as float64, with NaN for cells that are marked as missing.

    Raises
    ------
    ValueError
        For the first cell that is not a number; gives its column and row.
    """
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "buif":
        return column.astype(np.float64)
    if isinstance(column.dtype, pd.api.extensions.ExtensionDtype) and pd.api.types.is_numeric_dtype(column.dtype):
        return pd.Series(column.to_numpy(np.float64, na_value=np.nan), name=column.name)
    texts = column.astype(object).where(column.notna(), "nan").astype(str).str.strip()
    texts = texts.mask(texts.str.lower().isin(MISSING_TEXTS), "nan")
    # pandas' parser of numbers may err in the last bit; here it only finds texts that are not numbers.
    wrong = pd.to_numeric(texts, errors="coerce").isna() & (texts != "nan")
    if wrong.any():
        row = int(np.argmax(wrong))
        # "#DIV/0!" means that a formula failed, not that nothing was recorded; "-" or "?" can mean anything.
        raise ValueError(
            f"column {column.name!r}, row {row + 1} below the header: {column.iloc[row]!r} is not a number; leave the "
            "cell empty if the response is missing, and remove the column if it contains no responses"
        )
    return texts.map(float)


def check_marks(values: np.ndarray) -> None:
    """Raise ValueError if responses contain a number that programs write for a missing value.

    The number must be further from every other response than these are from each other. The number -1 is rejected if
    all others are non-negative whole numbers, such as spike counts.

    Parameters
    ----------
    values : float64 array
        NaN where a response is missing.

    Raises
    ------
    ValueError
        With the number and how many responses have it.
    """
    finite = values[np.isfinite(values)]
    for mark in (*_MARKS, -1.0):
        marked = finite == mark
        if not marked.any() or marked.all():
            continue
        others = finite[~marked]
        low, high = others.min(), others.max()
        apart = max(low - mark, mark - high) > high - low
        counts = mark == -1 and low >= 0 and bool((others == np.round(others)).all())
        if counts or (apart and mark != -1):
            raise ValueError(
                f"{int(marked.sum())} of {len(finite)} responses are {mark:g}, which programs write for a missing "
                f"value; all others lie between {low:g} and {high:g}. Write NaN (or leave the cell empty) where "
                f"nothing was recorded. If {mark:g} was measured, add a constant to all responses: no score changes"
            )
