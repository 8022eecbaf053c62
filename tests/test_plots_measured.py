"""Properties beyond the benchmarks are drawn as they are, with the published values beside them."""

import numpy as np
import pytest
import xarray as xr

from vonenet_brainscore.plots import measured_properties
from vonenet_brainscore.primates.extra_properties import EXTRA_PROPERTIES


def dataset(names):
    rng = np.random.default_rng(0)
    values = rng.uniform(0.2, 2, (50, len(names)))
    values[:5] = np.nan
    responsive = np.ones(values.shape, bool)
    responsive[-10:] = False
    dims = ("neuroid", "property")
    return xr.Dataset({"value": (dims, values), "responsive": (dims, responsive)}, {"property": names})


def test_every_property_is_a_panel_with_its_published_values():
    names = ["max_dc", *EXTRA_PROPERTIES]
    figure = measured_properties(dataset(names))
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == len(EXTRA_PROPERTIES)  # those of the benchmarks are left out
    for ax, row in zip(shown, EXTRA_PROPERTIES.values(), strict=True):
        assert row.label in ax.get_xlabel() and row.unit in ax.get_xlabel()
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
        assert "model, n = 35" in ax.get_legend_handles_labels()[1]  # responsive and defined
        lines = [line.get_xdata()[0] for line in ax.lines]
        assert tuple(lines) == (() if row.published is None else row.published.values)
        assert ax.get_xscale() == ("log" if row.log_axis else "linear")


def test_no_value_and_equal_values_have_a_panel():
    made = dataset(["c50", "contrast_fit"])
    made["value"][:, 0], made["value"][:, 1] = np.nan, 1.0
    empty, alike = measured_properties(made).axes[:2]
    assert [text.get_text() for text in empty.texts] == ["no neuroid has a value"]
    assert sum(bar.get_height() for bar in alike.patches) == pytest.approx(1)


def test_a_dataset_without_them_is_refused():
    with pytest.raises(ValueError, match="the dataset has none of the properties"):
        measured_properties(dataset(["max_dc"]))
