"""Variables from files of named arrays, for `named_arrays`: MATLAB files, HDF5 and NumPy's .npz.

Nothing in a file is executed, and arrays larger than the free memory are refused before they are read.
"""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from .named_arrays import Cells, OnlyMatlab
from .responses import check_room, free_bytes

# SciPy's reader of older MATLAB files crashes on some damaged files. It therefore runs in a separate process, limited
# to the free memory, which returns the values as a tree in JSON and the numbers in an archive of arrays.
_LONGEST_S = 600
_READ_MAT = """
import json, math, resource, sys
import numpy as np
from scipy.io import loadmat, whosmat
from scipy.sparse import issparse

path, target, free, variable = sys.argv[1:]
sizes = {name: shape for name, shape, kind in whosmat(path)}
wanted = sizes if variable not in sizes else {variable: sizes[variable]}
too_large = [shape for shape in wanted.values() if 8 * math.prod(shape) > int(free)]
if too_large:
    print(json.dumps({"too large": too_large[0]}))
    sys.exit()
taken = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + int(free) + 2**28,) * 2)
arrays = {}

def tree(value):
    if issparse(value):
        if 8 * math.prod(value.shape) > int(free):
            raise MemoryError
        value = value.toarray()
    if isinstance(value, np.ndarray) and value.dtype.names and type(value) is np.ndarray:
        found = [{"struct": {name: tree(each[name]) for name in value.dtype.names}} for each in value.ravel()]
        return found[0] if len(found) == 1 else {"list": found}
    if type(value) is not np.ndarray:
        return {"unreadable": type(value).__name__}
    if value.dtype.kind == "O":
        return {"cells": [tree(each) for each in value.ravel()], "shape": value.shape}
    if value.dtype.kind in "US":
        return {"texts": [str(each) for each in value.ravel()]}
    arrays[f"a{len(arrays)}"] = value
    return {"array": f"a{len(arrays) - 1}"}

found = loadmat(path)
print(json.dumps({name: tree(value) for name, value in found.items() if not name.startswith("__")}))
np.savez(target, **arrays)
"""


def read_mat(path: Path, variable: str | None = None) -> dict[str, Any]:
    """The variables of a MATLAB file of any version.

    Raises
    ------
    ValueError
        If the file is damaged, or contains objects that only MATLAB can read.
    MemoryError
        If its contents are larger than the free memory.
    """
    import h5py

    if h5py.is_hdf5(path):
        return read_hdf5(path, matlab=True)
    with TemporaryDirectory() as folder:
        target = Path(folder) / "variables.npz"
        words = [str(path), str(target), str(free_bytes()), variable or "responses"]
        command = [sys.executable, "-P", "-c", _READ_MAT, *words]
        # -P: modules in the current folder are not imported. Messages about a damaged file may contain invalid text.
        run = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", timeout=_LONGEST_S)
        said = run.stderr.strip().rpartition("\n")[2]
        if said.startswith("MemoryError") or "Unable to allocate" in said:
            raise MemoryError(f"the contents of {path} exceed the {free_bytes() / 1e9:.1f} GB of free memory")
        if run.returncode:
            raise ValueError(said or f"damaged; reading it ended with {run.returncode}")
        found = json.loads(run.stdout)
        if "too large" in found:
            check_room(found["too large"])
        with np.load(target, allow_pickle=False) as arrays:
            return {name: _from_tree(value, arrays) for name, value in found.items()}


def _from_tree(value: dict[str, Any], arrays: Any) -> Any:
    match value:
        case {"array": name}:
            return arrays[name]
        case {"texts": texts}:
            return [text.strip() for text in texts]
        case {"cells": cells, "shape": shape}:
            return Cells(tuple(shape), [_from_tree(cell, arrays) for cell in cells])
        case {"list": structures}:
            return [_from_tree(each, arrays) for each in structures]
        case {"unreadable": kind}:
            return OnlyMatlab(kind)
    return {name: _from_tree(each, arrays) for name, each in value["struct"].items()}


def read_npz(path: Path) -> dict[str, Any]:
    """The arrays of a NumPy archive; raises as `read_mat` does, and ValueError for arrays of Python objects."""
    with zipfile.ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
        for name in names:
            with archive.open(f"{name}.npy") as member:
                version = np.lib.format.read_magic(member)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                check_room(read(member)[0])
    with np.load(path, allow_pickle=False) as arrays:
        return {name: _plain(arrays[name]) for name in names}


def _plain(array: np.ndarray) -> Any:
    return [str(text).strip() for text in array.ravel()] if array.dtype.kind == "U" else array


def read_hdf5(path: Path, *, matlab: bool = False) -> dict[str, Any]:
    """The data sets and groups of an HDF5 file.

    Parameters
    ----------
    path : path
    matlab : bool
        Whether MATLAB wrote the file (version 7.3), so that axes are reversed and text is stored as character codes. A
        data set with MATLAB's own attributes is read in this way in any case.
    """
    import h5py

    with h5py.File(path, "r") as file:
        return _group(file, file, matlab)


def _group(group: Any, file: Any, matlab: bool) -> dict[str, Any]:
    found = {}
    for name in group:
        if name in ("#refs#", "#subsystem#"):
            continue
        link = group.get(name, getlink=True)
        if type(link).__name__ == "ExternalLink":
            raise ValueError(f"{name!r} is a link to another file ({link.filename}); copy its contents into this file")
        found[name] = _value(group[name], file, matlab)
    return found


def _value(item: Any, file: Any, matlab: bool) -> Any:
    import h5py

    if isinstance(item, h5py.Group):
        if "MATLAB_sparse" in item.attrs:
            return _sparse(item)
        fields = _group(item, file, matlab)
        # In an array of structures, every field holds one reference per structure; a cell array has a MATLAB_class.
        if fields and all(
            isinstance(each, h5py.Dataset) and each.dtype == h5py.ref_dtype and "MATLAB_class" not in each.attrs
            for each in item.values()
        ):
            count = min(len(cells.values) for cells in fields.values())
            return [{name: cells.values[index] for name, cells in fields.items()} for index in range(count)]
        return fields
    kind = item.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    matlab = matlab or bool(kind)
    if item.external or item.is_virtual:
        raise ValueError(f"{item.name!r} stores its numbers in another file; copy them into this file")
    check_room(item.shape or ())
    if kind in ("string", "table", "datetime", "categorical") or kind == "FileWrapper__":
        return OnlyMatlab(kind)
    if item.attrs.get("MATLAB_empty", 0):
        return [] if kind == "char" else np.empty((0, 0))
    if item.dtype == h5py.ref_dtype:
        cells = np.asarray(item[()])
        cells = cells.T if matlab else cells
        return Cells(cells.shape, [_cell(file[cell], file, matlab) for cell in cells.ravel()])
    if h5py.check_string_dtype(item.dtype) is not None or item.dtype.kind == "S":
        return [_text(each) for each in np.ravel(item[()])]
    values = np.asarray(item[()])
    if kind == "char":
        return _characters(values)
    if values.dtype.kind == "O":
        raise ValueError(f"{item.name!r} contains {item.dtype}, which is neither numbers nor text")
    return values.T if matlab else values


def _cell(item: Any, file: Any, matlab: bool) -> Any:
    """Value of a cell; 16-bit integers without a MATLAB_class are character codes."""
    value = _value(item, file, matlab)
    unsaid = matlab and isinstance(value, np.ndarray) and value.dtype == np.uint16 and "MATLAB_class" not in item.attrs
    return _characters(value.T) if unsaid else value


def _characters(codes: np.ndarray) -> list[str]:
    """Rows of a MATLAB character array, which is stored column by column and padded with blanks to equal lengths."""
    return ["".join(map(chr, row)).strip() for row in np.atleast_2d(codes.T)]


def _text(value: Any) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _sparse(item: Any) -> np.ndarray:
    """A dense array from MATLAB's sparse form: the row of each value, and the start of each column."""
    rows, columns = int(item.attrs["MATLAB_sparse"]), len(item["jc"]) - 1
    check_room((rows, columns))
    dense = np.zeros((rows, columns))
    if "data" in item:
        which = np.repeat(np.arange(columns), np.diff(np.asarray(item["jc"][()], np.int64)))
        dense[np.asarray(item["ir"][()], np.int64), which] = item["data"][()]
    return dense
