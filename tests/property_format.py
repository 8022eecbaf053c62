"""Made tables of V1 neurons' properties in Brain-Score's BrainIO format, to go with `brainio_format.registered`."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from brainio_format import MadeDataSet, write_recordings, write_stimuli

from vonenet_brainscore.primates.property_table import TEXTURE_STIMULI, V1_PROPERTIES


def write_texture_properties(
    folder: Path, *, families: int = 3, samples: int = 4, neurons: int = 40, seed: int = 0
) -> MadeDataSet:
    """Write Freeman et al.'s properties and their stimuli as they are stored.

    The images are 640 x 640 and 8 degrees wide, with the texture (type 2) or noise (type 1) in an aperture of 4 degrees
    around the probed place, in an order of their own.
    """
    rng = np.random.default_rng(seed)
    kinds = [(kind, f, s) for kind in (1, 2) for f in range(1, families + 1) for s in range(1, samples + 1)]
    rows = pd.DataFrame(rng.permutation(kinds), columns=["type", "family", "sample"])
    rows = rows.assign(degrees=8, position_y=0.5, position_x=0.5)
    y, x = (np.mgrid[0:640, 0:640] + 0.5) / 80 - 4.5  # degrees from the probed place
    aperture = 0.5 * (1 + np.cos(np.pi * np.clip(np.hypot(y, x) / 2, 0, 1)))
    images = []
    for kind, family, _ in rows[["type", "family", "sample"]].to_numpy():
        angle = family * np.pi / families
        pattern = np.sin(2 * np.pi * (1 + family) * (x * np.cos(angle) + y * np.sin(angle)) + rng.uniform(0, 6.28))
        pattern = (pattern if kind == 2 else 0.5) * rng.normal(0.7, 0.3, (80, 80)).repeat(8, 0).repeat(8, 1)
        images.append(np.clip(128 + 100 * pattern * aperture, 0, 255).astype(np.uint8))
    data_set, stored = "FreemanZiemba2013_V1_properties", "movshon.FreemanZiemba2013_V1_properties"
    _, csv_sha1, zip_sha1 = write_stimuli(folder, TEXTURE_STIMULI, rows.reset_index(drop=True), np.stack(images))
    measured = [row for row in V1_PROPERTIES.values() if row.study.data_set == data_set]
    rng = np.random.default_rng(seed)
    values = np.stack([rng.uniform(row.edges[0], row.edges[-1], neurons) for row in measured], axis=1)
    values[: neurons // 10] = np.nan  # such as the bandwidth of neurons that have none
    data = xr.DataArray(
        values,
        dims=("neuroid", "neuronal_property"),
        coords={
            "neuroid_id": ("neuroid", np.arange(neurons)),
            "region": ("neuroid", ["V1"] * neurons),
            "neuronal_property": [row.name for row in measured],
        },
        attrs={"number_of_trials": 20, **{f"{row.name}_bins": np.array(row.edges) for row in measured}},
    )
    return MadeDataSet(
        assembly=data_set,
        stored_assembly=stored,
        stimulus_set=TEXTURE_STIMULI,
        nc_sha1=write_recordings(folder, stored, data),
        csv_sha1=csv_sha1,
        zip_sha1=zip_sha1,
        properties=True,
    )
