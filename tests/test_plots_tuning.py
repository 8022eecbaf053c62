"""Tuning curves are drawn as they are, with units."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from vonenet_brainscore.plots.tuning import AXES, tuning_curve, tuning_curves

LEVELS = {
    "orientation": np.arange(0, 180, 15.0),
    "spatial_frequency": 2.0 ** np.arange(-1, 4),
    "diameter": 2.0 ** np.arange(-2, 3),
    "phase": np.arange(0, 360, 45.0),
    "contrast": 2.0 ** np.arange(-5, 1),
}


def curves(units=3):
    rng = np.random.default_rng(0)
    rates = {f"by_{axis}": (("neuroid", axis), rng.uniform(0, 60, (units, len(LEVELS[axis])))) for axis in LEVELS}
    coordinates = {"channel": ("neuroid", 10 + np.arange(units)), "cell_type": ("neuroid", ["simple"] * units)}
    return xr.Dataset({**rates, "modulation_ratio": (("neuroid",), np.ones(units))}, {**LEVELS, **coordinates})


def test_every_axis_is_a_panel_and_every_unit_a_line():
    made = curves()
    figure = tuning_curves(made)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == len(LEVELS) == len(AXES)
    for ax, (name, axis) in zip(shown, [(f"by_{axis}", axis) for axis in LEVELS], strict=True):
        assert ax.get_xlabel() == AXES[axis].label and ax.get_ylabel() == "Firing rate (spikes/s)"
        assert ax.get_xscale() == ("linear" if axis in ("orientation", "phase") else "log")
        for line, rates in zip(ax.lines, made[name].values, strict=True):
            np.testing.assert_array_equal(line.get_xdata(), LEVELS[axis])
            np.testing.assert_array_equal(line.get_ydata(), rates)
        assert ax.get_ylim()[0] == 0
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        f"neuroid {n}: channel {10 + n}, simple" for n in range(3)
    ]


def test_the_legend_names_the_best_grating():
    made = curves(2)
    bests = {"best_orientation": [45, 120], "best_spatial_frequency": [2, 2.828427], "best_diameter": [0.5, 1]}
    figure = tuning_curves(made.assign({name: ("neuroid", values) for name, values in bests.items()}))
    assert [text.get_text().splitlines()[1] for text in figure.legends[0].get_texts()] == [
        "best grating: 45°, 2 cycles/degree, 0.5° wide",
        "best grating: 120°, 2.83 cycles/degree, 1° wide",
    ]


def test_dimensions_may_come_in_either_order_and_units_in_a_multi_index():
    made = curves().set_index(neuroid=["channel", "cell_type"])
    ax = Figure().add_subplot()
    tuning_curve(made["by_phase"].transpose("phase", "neuroid"), ax)
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), made["by_phase"].values[1])
    assert ax.lines[1].get_label() == "neuroid 1: channel 11, simple"


def test_units_without_metadata_are_numbered():
    ax = Figure().add_subplot()
    tuning_curve(xr.DataArray(np.ones((2, 3)), {"contrast": [0, 0.5, 1]}, ("neuroid", "contrast")), ax)
    assert [line.get_label() for line in ax.lines] == ["neuroid 0", "neuroid 1"]
    assert ax.get_xscale() == "linear"  # a contrast of 0 has no logarithm


def test_nan_leaves_a_gap():
    made = curves(1)["by_contrast"]
    made[0, 2] = np.nan
    ax = Figure().add_subplot()
    tuning_curve(made, ax)
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, False, True, False, False, False]


def test_trials_are_dots_and_their_interval_a_band():
    made, rng = curves(units=2), np.random.default_rng(1)
    made["by_phase_trials"] = (("neuroid", "phase", "trial"), rng.uniform(0, 60, (2, 8, 4)))
    made["by_phase_half_width"] = (("neuroid", "phase"), rng.uniform(1, 9, (2, 8)))
    figure = tuning_curves(made)
    assert len([ax for ax in figure.axes if ax.axison]) == len(LEVELS)  # a half width is no curve of its own
    (ax,) = [ax for ax in figure.axes if ax.get_xlabel() == AXES["phase"].label]
    dots = [line.get_ydata() for line in ax.lines if line.get_marker() == "."]
    np.testing.assert_array_equal(dots, made["by_phase_trials"].values.transpose(0, 2, 1).reshape(8, 8))
    for band, one in zip(ax.collections, (0, 1), strict=True):
        mean, half = made["by_phase_trials"][one].mean("trial"), made["by_phase_half_width"][one]
        edges = band.get_paths()[0].vertices[:, 1]
        assert edges.min() == pytest.approx((mean - half).min().item())
        lines = [line for line in ax.lines if line.get_marker() != "."]
        np.testing.assert_allclose(lines[one].get_ydata(), mean)
        assert edges.max() == pytest.approx((mean + half).max().item())


def test_an_interval_ends_at_a_rate_of_zero():
    made = curves(units=1)
    made["by_phase_trials"] = (("neuroid", "phase", "trial"), np.ones((1, 8, 4)))
    made["by_phase_half_width"] = (("neuroid", "phase"), np.full((1, 8), 3.0))
    (ax,) = [ax for ax in tuning_curves(made).axes if ax.get_xlabel() == AXES["phase"].label]
    edges = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (edges.min(), edges.max()) == (0, 4)


def test_refusals():
    with pytest.raises(ValueError, match="pass the trials too"):
        tuning_curve(curves()["by_phase"], Figure().subplots(), half_width=curves()["by_phase"])
    ax = Figure().add_subplot()
    with pytest.raises(ValueError, match="20 neuroids do not make a readable figure; select 1 to 8, for example with"):
        tuning_curve(curves(20)["by_phase"], ax)
    with pytest.raises(ValueError, match=r"the dimensions neuroid and one of orientation, .*, not neuroid$"):
        tuning_curve(curves()["modulation_ratio"], ax)
    with pytest.raises(ValueError, match="no tuning curve among modulation_ratio; their dimensions are"):
        tuning_curves(curves()[["modulation_ratio"]])
