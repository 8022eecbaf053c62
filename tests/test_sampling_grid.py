"""Filters that pixels or kernel cannot carry, against the kernels themselves."""

import numpy as np
import pandas as pd
import pytest
from tiny_networks import tiny_vonenet

from vonenet_brainscore import get_model
from vonenet_brainscore.gabors.gabor_filters import gabor_table
from vonenet_brainscore.gabors.sampling_grid import PAPER, Sampling, above_nyquist, beyond_kernel, sampling_table
from vonenet_brainscore.models.gabors import GaborParameters, gabor_kernels

ONE_PIXEL_A_DEGREE = Sampling(image_size=31, visual_degrees=31, ksize=31)


def filters(**columns):
    return pd.DataFrame({name: np.atleast_1d(values).astype(float) for name, values in columns.items()})


# ---- reference


@pytest.mark.parametrize("orientation", [0, 30, 45, 90, 120])
@pytest.mark.parametrize("frequency", [0.3, 0.45, 0.55, 0.65, 0.8])
def test_a_carrier_is_above_nyquist_where_its_pixels_show_a_coarser_one(frequency, orientation):
    one = np.ones(1)
    made = GaborParameters(frequency * one, orientation * one, 0 * one, nx=4 * one, ny=4 * one)
    kernel = gabor_kernels(made, pixels_per_degree=1, ksize=101)[0]
    spectrum = np.abs(np.fft.fft2(kernel))
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    shown = np.hypot(np.fft.fftfreq(101)[row], np.fft.fftfreq(101)[column])
    coarser = shown < frequency - 0.02  # two steps of the spectrum
    assert above_nyquist(filters(spatial_frequency=frequency, orientation=orientation), ONE_PIXEL_A_DEGREE) == coarser


@pytest.mark.parametrize("sigma", [6.0, 10.5, 11.8, 20.0])
@pytest.mark.parametrize("axis", ["width", "length"])
def test_the_energy_beyond_the_kernel_is_that_of_the_gaussian(sigma, axis):
    fine = np.linspace(-40 * sigma, 40 * sigma, 400_001)
    energy = np.exp(-((fine / sigma) ** 2))
    lost = energy[np.abs(fine) > 15.5].sum() / energy.sum()
    other = {"width": "length", "length": "width"}[axis]
    assert beyond_kernel(filters(**{axis: sigma, other: 1}), ONE_PIXEL_A_DEGREE) == (lost > 0.05)


# ---- laws


def test_the_papers_filters_are_below_nyquist_and_some_are_wider_than_their_kernel():
    block = get_model(None, pretrained=False).vone_block
    table = sampling_table(block, gabor_table(block))
    assert (table.loc["paper"] == table.loc["this model"]).all()
    assert table.loc["paper", "nyquist_cpd"] == 14
    counts = table.loc["paper", ["n_filters", "above_nyquist", "beyond_kernel", "either"]]
    assert counts.tolist() == [512, 0, 69, 69]  # recorded; moves with the definitions alone


def test_fewer_pixels_lose_more_filters():
    block = tiny_vonenet(sf_max=9, ksize=25).vone_block  # 8 pixels a degree
    table = sampling_table(block, gabor_table(block))
    assert table.loc["this model", "nyquist_cpd"] == 4
    assert table.loc["this model", "above_nyquist"] > table.loc["paper", "above_nyquist"] == 0
    assert table.loc["this model", "beyond_kernel"] < table.loc["paper", "beyond_kernel"]  # 3 degrees, not 0.9
    both = table.loc["this model", ["above_nyquist", "beyond_kernel"]].sum()
    assert table.loc["this model", "either"] <= both


def test_a_wider_kernel_loses_no_more():
    table = gabor_table(get_model(None, pretrained=False).vone_block)
    lost = [beyond_kernel(table, PAPER._replace(ksize=ksize)).sum() for ksize in (9, 25, 41, 101)]
    assert lost == sorted(lost, reverse=True) and lost[0] > 3 * lost[1]
