"""A model has the same colour in every figure, and is told from others and from macaque data in grey print."""

from base64 import b64decode
from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from test_plots_properties import scores as property_scores
from tiny_networks import tiny_vonenet

from vonenet_brainscore import compare_gabors
from vonenet_brainscore.models.registry import MODELS
from vonenet_brainscore.plots import (
    explained_variance,
    gabor_distributions,
    measured_properties,
    nx_ny_joint,
    property_distributions,
    spatial_frequency_histograms,
    sweep_figure,
)
from vonenet_brainscore.plots.properties import BUILT_FROM_GROUND
from vonenet_brainscore.plots.styles import (
    MODEL_STYLES,
    OTHER_NETWORKS,
    OTHER_VONENETS,
    PRIMATE_FILL,
    colour_of,
    model_styles,
)
from vonenet_brainscore.primates.extra_properties import EXTRA_PROPERTIES
from vonenet_brainscore.report.pictures import gabor_pictures, large_gabor_pictures, property_pictures
from vonenet_brainscore.variance_partition import VariancePartition

ALL_STYLES = (*MODEL_STYLES.values(), *OTHER_VONENETS, *OTHER_NETWORKS)
ORDERS = (["timm:resnet18", "voneresnet50", "vonecornets"], ["vonecornets", "voneresnet50", "timm:resnet18"])


def lightness(colour):
    """CIE L* of an sRGB colour, which grey print shows."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in to_rgb(colour)]
    return 116 * np.dot([0.2126, 0.7152, 0.0722], linear) ** (1 / 3) - 16


def test_every_named_model_has_a_style_of_its_own():
    assert set(MODEL_STYLES) == set(MODELS)
    assert len({style.colour for style in ALL_STYLES}) == len(ALL_STYLES)
    for kind in (MODEL_STYLES.values(), OTHER_VONENETS, OTHER_NETWORKS):
        assert len({style.marker for style in kind}) == len(kind)  # told apart without colour
    for published, network in ((name, other) for name in MODEL_STYLES for other in OTHER_NETWORKS):
        assert MODEL_STYLES[published][1:] != network[1:]


def test_models_are_darker_than_macaque_data_and_these_than_the_ground():
    fill, ground = lightness(PRIMATE_FILL), lightness(BUILT_FROM_GROUND)
    assert ground - fill > 10
    assert all(fill - lightness(style.colour) > 20 for style in ALL_STYLES)
    assert lightness("#777777") == pytest.approx(50.0, abs=0.1)  # CIE 15:2004: sRGB grey of 18.4 % reflectance
    assert lightness(OTHER_NETWORKS[0].colour) - lightness(OTHER_VONENETS[0].colour) > 20  # bars of a pair in grey


def test_a_published_model_has_its_style_whatever_stands_beside_it():
    for beside in ([], ["timm:resnet18"], ["VOneNet", "vonealexnet"], ["a", "b", "c", "d", "e", "f"]):
        assert model_styles([*beside, "voneresnet50"])["voneresnet50"] == MODEL_STYLES["voneresnet50"]
    assert model_styles(["vonealexnet_vone_block"])["vonealexnet_vone_block"] == MODEL_STYLES["vonealexnet"]
    assert colour_of("vonecornets") == MODEL_STYLES["vonecornets"].colour


def test_other_models_take_the_styles_of_their_kind_in_order():
    names = ["b", "VOneNet, mine", "vonecornets", "a", "b", "vonenet:timm:resnet18"]
    styles = model_styles(names)
    assert list(styles) == list(dict.fromkeys(names))
    assert (styles["b"], styles["a"]) == OTHER_NETWORKS[:2]
    assert (styles["VOneNet, mine"], styles["vonenet:timm:resnet18"]) == OTHER_VONENETS
    many = model_styles([f"network{number}" for number in range(9)])
    assert many["network8"] == many["network4"] == OTHER_NETWORKS[0]


@pytest.mark.parametrize("models", ORDERS)
def test_a_sweep_draws_each_model_in_its_style(models):
    rates = np.random.default_rng(0).uniform(size=(3, 2, 3))
    swept = {"model": models, "benchmark": ["p"], "noise_scale": [0.0, 0.35, 1.0], "sf_max": [4, 9]}
    figure = sweep_figure(
        xr.Dataset({"score": (tuple(swept), np.repeat(rates, 2).reshape(3, 1, 3, 4)[..., :2])}, swept)
    )
    styles = model_styles(models)
    for ax in figure.axes:
        for model, (line, *_) in zip(models, ax.containers, strict=True):
            drawn = (to_hex(line.get_color()).upper(), line.get_marker(), line.get_linestyle())
            assert drawn == styles[model]
        thin = [to_hex(line.get_color()).upper() for line in ax.lines if line.get_linewidth() == 0.7]
        assert set(thin) == {style.colour for style in styles.values()}


@pytest.mark.parametrize("models", ORDERS)
def test_models_side_by_side_and_parts_of_variance_have_the_same_colours(models):
    draws = {"model": models, "benchmark": ["p"], "seed": range(4)}
    (ax,) = sweep_figure(xr.Dataset({"score": (tuple(draws), np.random.default_rng(0).random((3, 1, 4)))}, draws)).axes
    styles = model_styles(models)
    for model, (line, *_) in zip(models, ax.containers, strict=True):
        assert (to_hex(line.get_color()).upper(), line.get_marker()) == styles[model][:2]
    index = pd.MultiIndex.from_tuples([("together", ""), *(("alone", model) for model in models)])
    parts = pd.DataFrame({"mean": 0.3, "low": 0.2, "high": 0.4}, index)
    bars = explained_variance(VariancePartition(pd.DataFrame(index=range(5)), parts, "made", 30)).axes[0].patches
    colours = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert colours == ["#999999", *(styles[model].colour for model in models)]


def test_pairs_of_published_models_differ_to_readers_who_see_no_red_or_green():
    """Machado et al. 2009 (IEEE TVCG 15:1291), severity 1, in linear RGB; distances in CIE lightness and chroma."""
    deuteranope = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    protanope = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])

    def lab(colour, matrix):
        linear = np.array([v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in to_rgb(colour)])
        f = np.cbrt(to_xyz @ np.clip(matrix @ linear, 0, 1) / [0.9505, 1, 1.089])
        return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])

    for matrix in (np.eye(3), np.array(deuteranope), np.array(protanope)):
        for first, second in combinations([*MODEL_STYLES.values(), OTHER_VONENETS[0], OTHER_NETWORKS[0]], 2):
            distance = np.linalg.norm(lab(first.colour, matrix) - lab(second.colour, matrix))
            assert distance > 10, (first, second, distance)  # four just noticeable differences of 2.3


def test_nothing_is_cut_off_at_the_edges_of_a_figure():
    names = ["voneresnet50", "vonecornets", "timm:resnet18", "torchvision:efficientnet_b0"]
    draws = {"model": names, "benchmark": ["FreemanZiemba2013public.V1-pls"], "noise_scale": [0.0, 1.0]}
    parts = pd.DataFrame({"mean": 0.3, "low": 0.2, "high": 0.4}, pd.MultiIndex.from_tuples([("alone", names[-1])]))
    for figure in (
        sweep_figure(xr.Dataset({"score": (tuple(draws), np.ones((4, 1, 2)))}, draws)),
        explained_variance(VariancePartition(pd.DataFrame(index=range(102)), parts, draws["benchmark"][0], 135)),
    ):
        FigureCanvasAgg(figure).draw()
        tight = figure.get_tightbbox()  # inches
        width, height = figure.get_size_inches()
        edges = tight.x0, tight.y0, width - tight.x1, height - tight.y1
        assert min(edges) > -1 / 72  # a point: text is measured before its pixels are rounded


def v1_scores(model):
    made = property_scores(["Marques2020_Ringach2002-circular_variance"])
    made["Marques2020_Ringach2002-circular_variance"].attrs |= {
        "model_identifier": model,
        "n_units": 9,
        "n_undefined": 0,
    }
    return made


@pytest.mark.parametrize("model", ["vonecornets", "timm:resnet18"])
def test_figures_of_one_model_are_in_its_colour(model):
    colour = to_rgb(colour_of(model))
    primate, bars = property_distributions(v1_scores(model)).axes[0].containers
    assert bars[0].get_facecolor()[:3] == colour and primate[0].get_facecolor()[:3] == to_rgb(PRIMATE_FILL)
    comparison = replace(compare_gabors(tiny_vonenet()), model=model)
    for figure in (gabor_distributions(comparison), spatial_frequency_histograms(comparison), nx_ny_joint(comparison)):
        for ax in figure.axes:
            outlines = [patch for patch in ax.patches if not patch.get_fill() or patch.get_facecolor()[3] == 0]
            assert all(patch.get_edgecolor()[:3] == colour for patch in outlines)
            assert outlines or [to_rgb(line.get_color()) for line in ax.lines] == [colour]  # the dots of nx and ny
    dims = ("neuroid", "property")
    values, responsive = np.linspace(0.1, 1, 5)[:, None], np.ones((5, 1), bool)
    measured = {"value": (dims, values), "responsive": (dims, responsive)}
    dataset = xr.Dataset(measured, {"property": list(EXTRA_PROPERTIES)[:1]}, {"model": model})
    assert measured_properties(dataset).axes[0].patches[0].get_facecolor()[:3] == colour


def test_models_of_a_report_have_the_colours_of_its_order():
    models = ["a", "voneresnet50", "b"]
    styles = model_styles(models)
    (shown,) = property_pictures({model: v1_scores(model) for model in models}).values()
    comparison = compare_gabors(tiny_vonenet())
    with_filters = {"b": comparison}  # a network without a VOneBlock has none
    of_gabors = [picture for each in gabor_pictures(with_filters, models).values() for picture in each]
    (jointly,) = large_gabor_pictures(with_filters, models).values()
    for picture in (*shown, *of_gabors, *jointly):
        drawn = b64decode(picture.source.partition(",")[2]).decode().upper()
        assert [name for name in models if styles[name].colour in drawn] == [picture.model]
