"""What a sweep consists of: the product, its cells' content, and what is refused before any work."""

import numpy as np
import pytest
import torch
from sweep_stubs import BANDWIDTH, PREF_OR
from torchvision_here import needs_timm

from vonenet_brainscore.benchmarks.names import benchmark_identifiers
from vonenet_brainscore.sweep.cells import Sweep

SMALL = {"simple_channels": [4], "complex_channels": [4]}


def test_a_sweep_is_the_product_of_its_axes():
    axes = {"gabor_seed": range(3), "noise_scale": [0, 0.35], **SMALL}
    sweep = Sweep.of(["voneresnet50", "vonealexnet"], "V1-properties", axes)
    groups = sweep.groups()
    assert len(sweep) == 2 * 3 * 2 * 15 == sum(map(len, groups)) and len(groups) == 12
    for group in groups:
        assert len({(cell.model, tuple(cell.settings.items())) for cell in group}) == 1
        assert tuple(cell.benchmark for cell in group) == benchmark_identifiers("V1-properties")
    keys = [cell.key for group in groups for cell in group]
    assert len(set(keys)) == len(keys)
    assert keys == [cell.key for group in sweep.groups() for cell in group]


def test_a_noise_scale_of_0_is_noise_off():
    ((off,), (on,)) = Sweep.of("voneresnet50", BANDWIDTH, {"noise_scale": [0, 0.35], **SMALL}).groups()
    assert off.noise == "none" and "noise_scale" not in off.front_end and off.settings["noise_scale"] == 0
    assert on.noise == "model" and on.front_end["noise_scale"] == 0.35


def test_everything_that_a_score_depends_on_changes_its_key():
    def key(**common):
        settings = {**SMALL, **common.pop("settings", {})}
        ((cell,),) = Sweep.of(
            common.pop("model", "voneresnet50"), common.pop("on", BANDWIDTH), settings, **common
        ).groups()
        return cell.key

    changes = [
        {},
        {"model": "vonealexnet"},
        {"on": PREF_OR},
        {"noise": "none"},
        {"trials": 3},
        {"seed": 1},
        {"threads": 2},
        {"device": "cuda:7"},
        {"settings": {"gabor_seed": [1]}},
        {"settings": {"seed": [2]}},
    ]
    assert len({key(**change) for change in changes}) == len(changes)
    assert key(seed=np.int64(3)) == key(seed=3)
    assert key() == key(device="cuda" if torch.cuda.is_available() else "cpu")
    assert key(device="cuda:7") == key(device=torch.device("cuda:7"))
    assert key(settings={"seed": [1]}) == key(seed=1) and key(settings={"trials": [3]}) == key(trials=3)


def test_weights_count_by_their_content_and_not_by_name_or_age(tmp_path):

    def key(path):
        cell = Sweep(("voneresnet50",), (BANDWIDTH,), {})._cell("voneresnet50", {"weights": str(path)}, BANDWIDTH, {})
        return cell.key

    one, same, other = (tmp_path / name for name in ("one.pth", "same.pth", "other.pth"))
    for path, content in ((one, b"a"), (same, b"a"), (other, b"b")):
        path.write_bytes(content)
    assert key(one) == key(same) != key(other)


@pytest.mark.parametrize(
    ("models", "benchmarks", "settings", "error", "message"),
    [
        ("voneresnet51", BANDWIDTH, {}, ValueError, "unknown model 'voneresnet51'; nearest: voneresnet50"),
        *(
            pytest.param(name, BANDWIDTH, {}, ValueError, "timm has no network 'resnet19'", marks=needs_timm)
            for name in ("timm:resnet19", "vonenet:timm:resnet19")
        ),
        (
            "brainscore:alexnett",
            BANDWIDTH,
            {},
            ValueError,
            "unknown model 'brainscore:alexnett'; nearest: ",
        ),
        ([], BANDWIDTH, {}, ValueError, "no models named"),
        ([3], BANDWIDTH, {}, TypeError, "models of a sweep are names, not int"),
        ("voneresnet50", [], {}, ValueError, "no benchmarks named"),
        ("voneresnet50", "nothing", {}, ValueError, "unknown benchmark 'nothing'"),
        ("voneresnet50", "FreemanZiemba2013.V1-pls", {}, ValueError, "private data"),
        ("voneresnet50", BANDWIDTH, {"gabor_sede": [1]}, ValueError, "unknown setting 'gabor_sede'; have sf_corr"),
        ("voneresnet50", BANDWIDTH, {"back_end": [1]}, ValueError, "unknown setting 'back_end'"),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": 3}, TypeError, r"setting gabor_seed is 3; give the values to sweep"),
        ("voneresnet50", BANDWIDTH, {"quadrature": "paper"}, TypeError, "setting quadrature is 'paper'"),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": []}, ValueError, "setting gabor_seed has no values"),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": [1, 1]}, ValueError, "gabor_seed has a value twice: 1, 1"),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": [[1]]}, TypeError, "gabor_seed has a list; values are numbers"),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": [-1]}, ValueError, r"'gabor_seed': -1.* cannot be scored: "),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": ["a"]}, ValueError, "cannot be scored: "),
        ("voneresnet50", BANDWIDTH, {"noise_scale": [-0.1]}, ValueError, "it must be more than 0"),
        ("voneresnet50", BANDWIDTH, {"noise_scale": [np.inf]}, ValueError, "noise_scale is inf; it must be finite"),
        ("voneresnet50", BANDWIDTH, {"seed": [-1]}, ValueError, r"seed is -1; it must lie in"),
        ("voneresnet50", BANDWIDTH, {"trials": [0]}, ValueError, "trials is 0"),
        ("voneresnet50", BANDWIDTH, {"visual_degrees": [0]}, ValueError, "visual_degrees is 0; it must be more than 0"),
        ("voneresnet50", BANDWIDTH, {"weights": ["none.pth"]}, FileNotFoundError, "no checkpoint at .*none.pth"),
        ("voneresnet50", BANDWIDTH, {"gabor_seed": range(10**7)}, ValueError, "more than 1000000; split it"),
    ],
)
def test_refusals(models, benchmarks, settings, error, message):
    with pytest.raises(error, match=message):
        Sweep.of(models, benchmarks, {**SMALL, **settings})


def test_common_arguments_are_refused_too(tmp_path):
    for common, message in (
        ({"noise": "off"}, "unknown noise 'off'"),
        ({"threads": 0}, "threads is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"trials": 0}, "trials is 0"),
        ({"device": "cdua"}, "unknown device 'cdua'"),
    ):
        with pytest.raises(ValueError, match=message):
            Sweep.of("voneresnet50", BANDWIDTH, SMALL, **common)
    for name, value in (("noise_mode", "gaussian"), ("noise_scale", 0.7), ("noise_level", 0.5)):
        with pytest.raises(ValueError, match=rf"{name} has no effect with noise='none' \(--noise none\)"):
            Sweep.of("voneresnet50", BANDWIDTH, {name: [value], **SMALL}, noise="none")
    (tmp_path / "a.pth").touch()
    with pytest.raises(ValueError, match="weights belong to one architecture"):
        Sweep.of(["voneresnet50", "vonealexnet"], BANDWIDTH, {"weights": [tmp_path / "a.pth"]})
