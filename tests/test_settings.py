"""The table of front-end settings: each row is what every door of the package says, checks, stores and explains."""

import inspect
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from vonenet_brainscore import get_model
from vonenet_brainscore.arguments import Setting
from vonenet_brainscore.cli.main import app
from vonenet_brainscore.models.filter_bank import draw_colours
from vonenet_brainscore.models.gabors import gabor_kernels, sample_gabor_parameters
from vonenet_brainscore.models.settings import BLOCK, DEFAULTS, FRONT_END, SETTINGS, STAGES, checked_settings
from vonenet_brainscore.models.vone_block import VOneBlock, vone_blocks
from vonenet_brainscore.submission.front_end import check_front_end, front_end_record, rebuilt_front_end
from vonenet_brainscore.sweep.cells import Sweep
from vonenet_brainscore.training.fit import _options
from vonenet_brainscore.training.recipe import RECIPE

INF = float("inf")
FEW = {"simple_channels": 3, "complex_channels": 2, "image_size": 32, "ksize": 9}
# Another value than the default for each setting: adding a setting is adding a row, here too.
OTHER = {
    "sf_corr": -1,
    "sf_max": 4,
    "sf_min": 1.4,
    "rand_param": True,
    "gabor_seed": 2**32 - 1,
    "image_size": 48,
    "visual_degrees": 4.5,
    "ksize": 1,
    "simple_channels": 0,
    "complex_channels": 0,
    "stride": 7,
    "k_exc": -3.5,
    "surround": "li2022",
    "surround_extent": 1.7,
    "surround_unit": "cycle",
    "surround_orientation": INF,
    "surround_octaves": 2,
    "surround_seed": 1,
    "noise_mode": None,
    "noise_scale": 1e-3,
    "noise_level": 0,
    "quadrature": "paper",
    "colour_seed": 5,
}
# Values that are refused, and the words that say so after the setting's name.
WRONG = [
    ("sf_corr", 1.01, r"is 1\.01; it must be in \[-1, 1\]"),
    ("sf_corr", -1.01, r"it must be in \[-1, 1\]"),
    ("sf_corr", "x", "is 'x'; it must be a number"),
    ("sf_max", -1, "is -1; it must be at least 0"),
    ("sf_max", float("nan"), "is nan; it must be a number"),
    ("sf_min", -0.1, r"is -0\.1; it must be at least 0"),
    ("rand_param", 1, "is 1; it must be True or False"),
    ("gabor_seed", -1, r"is -1; it must lie in \[0, 2\*\*32\)"),
    ("gabor_seed", 2**32, r"it must lie in \[0, 2\*\*32\)"),
    ("image_size", 0, "is 0; it must be at least 1"),
    ("image_size", 224.0, r"is 224\.0; it must be a whole number"),
    ("visual_degrees", 0, "is 0; it must be more than 0 and finite"),
    ("visual_degrees", INF, "is inf; it must be more than 0 and finite"),
    ("ksize", 24, r"is 24; it must be odd and in \[1, 1023\]"),
    ("ksize", 1025, "it must be odd and in"),
    ("simple_channels", -1, r"is -1; it must be in \[0, 1048576\]"),
    ("simple_channels", True, "is True; it must be a whole number"),
    ("complex_channels", 2**20 + 1, r"it must be in \[0, 1048576\]"),
    ("stride", 0, "is 0; it must be at least 1"),
    ("k_exc", INF, "is inf; it must be finite"),
    ("k_exc", -INF, "is -inf; it must be finite"),
    ("surround", "li", r"'li'; have .*'cavanaugh2002', None, or a number in \[0, 0\.95\]"),
    ("surround", 1, r"is 1; it must be li2022 or .* or none or a number in \[0, 0\.95\]"),
    ("surround", True, "is True; it must be text"),
    ("surround_extent", 0, r"is 0; it must be in \(0, 100\]"),
    ("surround_unit", "degree", "'degree'; have 'envelope', 'cycle'"),
    ("surround_orientation", 9, "is 9; it must be at least 10"),
    ("surround_octaves", 0.4, r"is 0\.4; it must be at least 0\.5"),
    ("surround_seed", -1, r"is -1; it must lie in \[0, 2\*\*32\)"),
    ("noise_mode", "none", "'none'; have 'neuronal', 'gaussian', None"),
    ("noise_mode", 3, "is 3; it must be text"),
    ("noise_scale", 0, "is 0; it must be more than 0 and finite"),
    ("noise_scale", INF, "is inf; it must be more than 0 and finite"),
    ("noise_level", -1e-9, "is -1e-09; it must be at least 0 and finite"),
    ("noise_level", INF, "is inf; it must be at least 0 and finite"),
    ("quadrature", None, "is None; it must be text"),
    ("quadrature", "both", "'both'; have 'matched', 'paper'"),
    ("colour_seed", True, "is True; it must be a whole number"),
]
every_setting = pytest.mark.parametrize("row", FRONT_END, ids=lambda row: row.name)


@pytest.fixture(scope="module")
def help_of_train():
    """What the command line says of `train`, each word once and without frames."""
    shown = CliRunner().invoke(app, ["train", "--help"], env={"TERMINAL_WIDTH": "200"}).output
    return re.sub(r"[\s│]+", " ", shown)


def front_end(**settings):
    return get_model(None, pretrained=False, **{**FEW, **settings})


def test_the_tables_name_the_same_settings():
    assert set(OTHER) == {name for name, *_ in WRONG} == set(SETTINGS)
    assert len(SETTINGS) == len(FRONT_END) == len(DEFAULTS)


def test_the_defaults_are_those_of_the_released_models():
    # Where the front end of the released VOneNets is described: Dapello, Marques et al. 2020, NeurIPS 33:13073.
    released = {"sf_corr": 0.75, "sf_max": 9, "sf_min": 0, "rand_param": False, "gabor_seed": 0}
    released |= {"image_size": 224, "visual_degrees": 8, "ksize": 25, "stride": 4, "k_exc": 25}
    released |= {"simple_channels": 256, "complex_channels": 256}
    released |= {"noise_mode": "neuronal", "noise_scale": 0.35, "noise_level": 0.07}
    ours = {"quadrature": "matched", "colour_seed": 0}
    ours |= {"surround": None, "surround_extent": 3.1, "surround_unit": "envelope", "surround_orientation": 60}
    ours |= {"surround_octaves": INF, "surround_seed": 0}
    assert released | ours == DEFAULTS


@every_setting
def test_a_row_is_whole(row):
    assert row.text and row.source and row.stage in STAGES
    assert row.checked(row.default) == row.default and row.checked(OTHER[row.name]) == OTHER[row.name] != row.default
    assert row.text in row.help and row.allowed in row.help and row.unit in row.help
    assert (row.within == "") == (row.kind in ("flag", "choice", "seed"))
    assert (row.choices == ()) == (row.kind not in ("choice", "choice or real"))


@pytest.mark.parametrize(("name", "value", "words"), WRONG)
def test_every_door_refuses_by_name(tmp_path, name, value, words):
    words = f"{name.replace('_', '[ _]')}.* {words}"  # "unknown noise mode"
    with pytest.raises((ValueError, TypeError), match=words):
        checked_settings({name: value})
    with pytest.raises((ValueError, TypeError), match=words):
        get_model(None, pretrained=False, **{name: value})
    torch.save({"flags": {**FEW, name: value}, "state_dict": front_end().state_dict()}, tmp_path / "flags.pt")
    with pytest.raises((ValueError, TypeError), match=words):
        get_model(None, weights=tmp_path / "flags.pt")
    if name in BLOCK:
        with pytest.raises((ValueError, TypeError), match=words):
            VOneBlock(sample_gabor_parameters(5), *draw_colours(5, seed=0), **{**FEW, name: value})


@pytest.mark.parametrize("row", [*FRONT_END, *RECIPE], ids=lambda row: row.name)
def test_the_help_of_training_shows_it(help_of_train, row):
    assert f"--{row.name} <{row.type.__name__}>" in help_of_train
    if row.name != "image_size":  # any network has it, so that it stands among the arguments of training
        assert row.help in help_of_train


@every_setting
def test_the_documentation_of_get_model_explains_it(row):
    text = inspect.getdoc(get_model)
    assert f"\n{row.name} : {row.type.__name__}\n    {row.help}\n" in text and "{settings}" not in text


@every_setting
def test_it_reaches_the_front_end_and_comes_back_from_a_checkpoint(tmp_path, row):
    given = {**FEW, row.name: OTHER[row.name]}
    if row.name == "ksize":
        given["sf_max"] = 9
    made = get_model(None, pretrained=False, **given)
    assert made.settings[row.name] == OTHER[row.name]
    if row.name in BLOCK:
        assert made.vone_block.settings[row.name] == OTHER[row.name]
    flags = json.loads(json.dumps(_options(made)))
    torch.save({"flags": flags, "state_dict": made.state_dict()}, tmp_path / "it.pt")
    back = get_model(None, weights=tmp_path / "it.pt")
    assert back.settings == made.settings and back.vone_block.settings == made.vone_block.settings
    assert back.vone_block.gabor_parameters is not None
    assert all(torch.equal(value, made.state_dict()[name]) for name, value in back.state_dict().items())
    get_model(None, weights=tmp_path / "it.pt", **{row.name: OTHER[row.name]})  # agreeing with the checkpoint


@every_setting
def test_beside_a_checkpoint_it_applies_or_is_refused_where_it_contradicts(tmp_path, row):
    made = front_end(quadrature="paper", sf_max=8)
    torch.save({"flags": _options(made), "state_dict": made.state_dict()}, tmp_path / "it.pt")
    value = {**OTHER, "sf_max": 4, "quadrature": "matched", "simple_channels": 2, "complex_channels": 1}[row.name]
    if STAGES[row.stage].beside_weights == "free":
        assert getattr(get_model(None, weights=tmp_path / "it.pt", **{row.name: value}).vone_block, row.name) == value
        return
    with pytest.raises(ValueError, match=rf"it\.pt has .*{row.name}.*leave"):
        get_model(None, weights=tmp_path / "it.pt", **{row.name: value})


@pytest.mark.parametrize("name", BLOCK)
def test_it_is_kept_in_a_plugins_record(name):
    block = front_end(**{name: OTHER[name]}).vone_block
    record = json.loads(json.dumps(front_end_record(block)))
    assert record["settings"][name] == OTHER[name]
    rebuilt = rebuilt_front_end(record)
    assert rebuilt.settings == block.settings
    check_front_end(rebuilt, record)
    record["settings"][name] = DEFAULTS[name] if name not in FEW else FEW[name]
    with pytest.raises(ValueError, match=f"the front end has {name}="):
        check_front_end(block, record)


@every_setting
def test_a_sweep_takes_it(row):
    few = {name: [value] for name, value in FEW.items()}
    sweep = Sweep.of("voneresnet50", "Marques2020_Schiller1976-sf_bandwidth", {**few, row.name: [OTHER[row.name]]})
    assert sweep.groups()[0][0].front_end[row.name] == OTHER[row.name]


def test_a_noise_set_on_the_block_is_checked_where_it_is_used():
    block = front_end().vone_block
    block.noise_scale = 0
    with pytest.raises(ValueError, match="noise_scale is 0; it must be more than 0 and finite"):
        block(torch.zeros(1, 3, 32, 32))


def test_other_doors_have_the_tables_defaults():
    def defaults(function):
        parameters = inspect.signature(function).parameters.values()
        return {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}

    sampled = {**defaults(sample_gabor_parameters)}
    assert sampled.pop("seed") == DEFAULTS["gabor_seed"] and sampled.items() <= DEFAULTS.items()
    assert defaults(draw_colours) == {"quadrature": DEFAULTS["quadrature"]}
    assert defaults(gabor_kernels)["ksize"] == DEFAULTS["ksize"]
    block = VOneBlock(sample_gabor_parameters(512), *draw_colours(512, seed=0))
    assert block.settings == {name: DEFAULTS[name] for name in BLOCK}


def test_values_are_plain_ones_whatever_number_came():
    given = {
        "rand_param": np.True_,
        "gabor_seed": np.int64(3),
        "k_exc": np.float32(2),
        "ksize": np.int8(9),
        "sf_max": 9,
    }
    assert [type(value) for value in checked_settings(given).values()] == [bool, int, float, int, int]


def test_a_setting_that_does_not_exist_is_refused_with_the_nearest():
    with pytest.raises(TypeError, match="no front-end setting 'noise_leve'; did you mean 'noise_level'"):
        checked_settings({"noise_leve": 1})
    with pytest.raises(TypeError, match="no front-end setting 'gabor_seed'"):
        VOneBlock(sample_gabor_parameters(5), *draw_colours(5, seed=0), gabor_seed=1)


@pytest.mark.parametrize(
    ("within", "inside", "outside"),
    [("(0, inf)", [1e-300, 1e300], [0, -1, float("inf")]), ("[0, inf]", [0, float("inf")], [-1]), ("[0, 1)", [0], [1])],
)
def test_an_interval_is_as_written(within, inside, outside):
    row = Setting("s", 0, "real", "", within=within)
    assert [row.checked(value) for value in inside] == inside
    for value in outside:
        with pytest.raises(ValueError, match=f"s is {value}; it must be"):
            row.checked(value)
    with pytest.raises(ValueError, match=r"'0\.\.1' is no interval"):
        replace(row, within="0..1").checked(1)


def test_none_on_the_command_line_is_a_choice_only_where_it_is_one():
    assert SETTINGS["noise_mode"].read("none") is None and SETTINGS["noise_mode"].read("gaussian") == "gaussian"
    assert SETTINGS["quadrature"].read("none") == "none"


def test_a_number_on_the_command_line_is_one_where_numbers_are_allowed_beside_names():
    assert [SETTINGS["surround"].read(word) for word in ("0.5", "li2022", "none", "li")] == [0.5, "li2022", None, "li"]


def test_every_vone_block_of_a_network_is_found():
    blocks = [front_end(gabor_seed=seed).vone_block for seed in range(2)]
    assert vone_blocks(torch.nn.Sequential(blocks[0], torch.nn.Sequential(blocks[1]))) == blocks
    assert vone_blocks(blocks[0]) == [blocks[0]] and vone_blocks(torch.nn.ReLU()) == []
