"""score_models through its public name, in one process: what comes out, what a rerun does, what is refused."""

import json
import os

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image
from sweep_stubs import BANDWIDTH, PEAK_SF, PREF_OR, TINY, stub_compare
from tiny_networks import SMALL
from torchvision_here import needs_timm

from vonenet_brainscore import score_model, score_models
from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark

QUIET = {"workers": 1, "progress": False, "cache": False}


@pytest.fixture
def stubs(monkeypatch, tmp_path):
    """Cheap benchmarks; the list of cells that were computed."""
    monkeypatch.setattr(V1PropertyBenchmark, "compare", stub_compare)
    monkeypatch.setenv("SWEEP_LOG", str(tmp_path / "computed.log"))
    return lambda: (tmp_path / "computed.log").read_text().split("\n")[:-1]


def faults(monkeypatch, *each):
    monkeypatch.setenv("SWEEP_FAULTS", json.dumps(each))


def test_a_cell_equals_what_score_model_gives(tmp_path):
    tiny = {**SMALL, "simple_channels": 8, "complex_channels": 8, "gabor_seed": 2}
    settings = {"noise_scale": [0, 0.5], "trials": [2], **{name: [value] for name, value in tiny.items()}}
    found = score_models("vonealexnet", [BANDWIDTH, PREF_OR], settings, output=tmp_path, **QUIET)
    assert found.sizes["noise_scale"] == 2 and found.sizes["benchmark"] == 2
    for noise_scale, arguments in ((0, {"noise": "none"}), (0.5, {})):
        front_end = tiny | ({"noise_scale": 0.5} if noise_scale else {})
        scores = score_model(
            "vonealexnet", [BANDWIDTH, PREF_OR], front_end=front_end, trials=2, progress=False, cache=False, **arguments
        )
        for benchmark, score in scores.items():
            cell = found.sel(benchmark=benchmark, noise_scale=noise_scale).squeeze()
            assert cell["score"].item() == score.item() and cell["raw"].item() == score.attrs["raw"].item()
            assert cell["ceiling"].item() == score.attrs["ceiling"].item()
            assert cell["error"].item() == score.attrs["error"] and cell["problem"].item() == ""
            assert (cell["score_low"].item(), cell["score_high"].item()) == (
                score.attrs["score_low"],
                score.attrs["score_high"],
            )
            assert cell["error"].attrs["of"] == score.attrs["error_of"]


def test_surrounds_are_a_setting_of_a_sweep(tmp_path, stubs):
    settings = {"surround": [None, "li2022", 0.5], "surround_octaves": [2, np.inf], **TINY}
    found = score_models("voneblock_li2022", BANDWIDTH, settings, output=tmp_path, **QUIET)
    assert found.sizes["surround"] == 3 and found.sizes["surround_octaves"] == 2 and not found["score"].isnull().any()
    assert len(stubs()) == 6
    again = score_models("voneblock_li2022", BANDWIDTH, settings, output=tmp_path, **QUIET)
    assert len(stubs()) == 6 and again["score"].equals(found["score"])


def test_networks_by_reference_are_swept_as_they_are_scored(tmp_path, stubs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = (
        "from torch import nn\n\n\ndef network():\n    return nn.Sequential(nn.Conv2d(3, 4, 9, stride=8), nn.ReLU())\n"
    )
    (tmp_path / "swept_networks.py").write_text(code)
    name = "swept_networks:network"
    common = {"noise": "none", "region_layer_map": {"V1": "1"}, "weights": "random"}
    found = score_models(name, BANDWIDTH, {"seed": [0, 1]}, output=tmp_path / "results", **common, **QUIET)
    expected = score_model(name, BANDWIDTH, progress=False, cache=False, **common)
    assert (found["score"].values == expected.item()).all() and len(stubs()) == 3
    score_models(name, BANDWIDTH, {"seed": [0, 1]}, output=tmp_path / "results", **common, **QUIET)
    assert len(stubs()) == 3  # on record
    other = {**common, "region_layer_map": {"V1": "0"}}
    rows = score_models(name, BANDWIDTH, {"seed": [0, 1]}, output=tmp_path / "results", **other, **QUIET)
    assert len(stubs()) == 5 and (rows["score"].values != expected.item()).all()
    with pytest.raises(ValueError, match="gabor_seed is a setting of a VOneBlock, and swept_networks:network has none"):
        score_models(name, BANDWIDTH, {"gabor_seed": [0]}, output=tmp_path / "results", **common, **QUIET)


@needs_timm
def test_settings_of_a_voneblock_are_swept_before_any_back_end(tmp_path, stubs):
    settings = {**TINY, "image_size": [224], "ksize": [25], "gabor_seed": [0, 1]}
    found = score_models("vonenet:timm:resnet18", BANDWIDTH, settings, output=tmp_path, **QUIET)
    front_end = {**settings, "surround": [None]}
    alone = score_models("voneblock_li2022", BANDWIDTH, front_end, output=tmp_path, **QUIET)
    assert found["score"].values.ravel().tolist() == alone["score"].values.ravel().tolist()
    assert found["score"].std() > 0 and len(stubs()) == 4


def test_a_table_a_dataset_and_a_figure_come_out(tmp_path, stubs):
    settings = {"seed": range(2), "noise_mode": [None, "neuronal"], **TINY}
    found = score_models(["voneresnet50", "vonealexnet"], [PREF_OR, PEAK_SF], settings, output=tmp_path, **QUIET)
    assert found["score"].dims == ("model", "seed", "noise_mode", *TINY, "benchmark")
    assert list(found["noise_mode"].values) == ["none", "neuronal"]
    table = pd.read_csv(tmp_path / "results.csv", keep_default_na=False, float_precision="round_trip")
    assert len(table) == 16 and set(table["problem"]) == {""}
    row = table.query("model == 'vonealexnet' and seed == 1 and noise_mode == 'neuronal' and benchmark == @PEAK_SF")
    cell = found.sel(model="vonealexnet", seed=1, noise_mode="neuronal", benchmark=PEAK_SF).squeeze()
    assert float(row["score"].item()) == cell["score"].item()
    assert row["noise"].item().startswith("neuronal") and row["layer"].item() == "vone_block"
    with xr.open_dataset(tmp_path / "results.nc") as stored:
        np.testing.assert_array_equal(stored["score"], found["score"])
        np.testing.assert_array_equal(stored["problem"], found["problem"])
    with Image.open(tmp_path / "results.png") as figure:
        assert figure.width > 300
    assert len(list((tmp_path / "records").iterdir())) == 16  # and nothing else: no mark, no partial file


def test_a_rerun_does_nothing_again_and_a_larger_sweep_only_what_is_new(tmp_path, stubs):
    first = score_models("voneresnet50", PREF_OR, {"seed": [0, 1], **TINY}, output=tmp_path, **QUIET)
    for record, moved in zip((tmp_path / "records").iterdir(), (-1e9, 1e9), strict=True):
        now = record.stat().st_mtime
        os.utime(record, (now + moved, now + moved))  # clocks apart: nothing goes by a time
    again = score_models("voneresnet50", PREF_OR, {"seed": [0, 1], **TINY}, output=tmp_path, **QUIET)
    xr.testing.assert_identical(first, again)
    assert stubs() == [f"{PREF_OR} 0", f"{PREF_OR} 1"]
    larger = score_models("voneresnet50", [PREF_OR, PEAK_SF], {"seed": [1, 2], **TINY}, output=tmp_path, **QUIET)
    assert stubs()[2:] == [f"{PEAK_SF} 1", f"{PREF_OR} 2", f"{PEAK_SF} 2"]
    assert larger["score"].sel(seed=1, benchmark=PREF_OR) == first["score"].sel(seed=1, benchmark=PREF_OR)


def test_files_of_the_same_weights_are_scored_once(tmp_path, stubs):
    import torch

    from vonenet_brainscore import get_model

    tiny = {name: value for name, (value,) in TINY.items() if name != "trials"}
    network = get_model("alexnet", pretrained=False, **tiny)
    torch.save(network.state_dict(), tmp_path / "one.pth")
    (tmp_path / "same.pth").write_bytes((tmp_path / "one.pth").read_bytes())
    weights = {"weights": [tmp_path / "one.pth", tmp_path / "same.pth"]}
    found = score_models("vonealexnet", PREF_OR, {**weights, **TINY}, output=tmp_path / "out", **QUIET).squeeze()
    assert len(stubs()) == 1 and found["score"][0] == found["score"][1] and (found["problem"] == "").all()


def test_the_order_of_cells_and_who_shares_a_process_change_nothing(tmp_path, stubs):
    def run(seeds, benchmarks, folder):
        return score_models("voneresnet50", benchmarks, {"seed": seeds, **TINY}, output=tmp_path / folder, **QUIET)

    together = run([0, 1], [PREF_OR, BANDWIDTH], "together")
    reverse = run([1, 0], [BANDWIDTH, PREF_OR], "reverse").sel(seed=[0, 1], benchmark=[PREF_OR, BANDWIDTH])
    alone = run([1], [BANDWIDTH], "alone")
    xr.testing.assert_identical(together, reverse)
    assert alone["score"].item() == together["score"].sel(seed=1, benchmark=BANDWIDTH).item()


def test_a_failure_is_a_row_and_is_tried_again(tmp_path, stubs, monkeypatch):
    faults(monkeypatch, ["memory", PREF_OR, 0, None], ["bug", PEAK_SF, 1, None])
    arguments = ("voneresnet50", [PREF_OR, PEAK_SF], {"seed": [0, 1], **TINY})
    found = score_models(*arguments, output=tmp_path, **QUIET)
    problems = {PREF_OR: ["13.0 GB are needed", ""], PEAK_SF: ["", "KeyError: 'neuroid'"]}
    for benchmark, expected in problems.items():
        cells = found.sel(benchmark=benchmark).squeeze()
        assert cells["problem"].values.tolist() == expected
        assert np.isnan(cells["score"].values).tolist() == [problem != "" for problem in expected]
    table = pd.read_csv(tmp_path / "results.csv", keep_default_na=False, float_precision="round_trip")
    assert sorted(table["problem"]) == ["", "", "13.0 GB are needed", "KeyError: 'neuroid'"]
    faults(monkeypatch)
    mended = score_models(*arguments, output=tmp_path, **QUIET)
    assert (mended["problem"] == "").all() and len(stubs()) == 6
    xr.testing.assert_equal(mended["score"].where(found["problem"] == ""), found["score"])


def test_what_is_done_before_the_user_stops_it_is_in_the_results(tmp_path, stubs, monkeypatch):
    def compare(benchmark, experiments):
        if experiments.subject.extractor.seed == 1:
            raise KeyboardInterrupt
        return stub_compare(benchmark, experiments)

    monkeypatch.setattr(V1PropertyBenchmark, "compare", compare)
    with pytest.raises(KeyboardInterrupt):
        score_models("voneresnet50", PREF_OR, {"seed": range(3), **TINY}, output=tmp_path, **QUIET)
    table = pd.read_csv(tmp_path / "results.csv", keep_default_na=False)
    assert table["problem"].tolist() == ["", "not reached", "not reached"] and float(table["score"][0]) != 0
    assert (tmp_path / "results.nc").is_file() and (tmp_path / "results.png").is_file()


def test_scores_that_a_worker_recorded_before_the_stop_are_in_the_results(tmp_path, stubs, monkeypatch, capsys):
    """It returns those of a setting together, and records each at once."""

    def stopped(self, groups, work, say):
        next(work.outcomes(groups[0]))
        raise KeyboardInterrupt
        yield

    arguments = {"output": tmp_path, "workers": 1, "cache": False}
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("vonenet_brainscore.sweep.place.Place.outcomes", stopped)
        score_models("voneresnet50", [PREF_OR, PEAK_SF], TINY, **arguments)
    table = pd.read_csv(tmp_path / "results.csv", keep_default_na=False)
    assert table["problem"].tolist() == ["", "not reached"] and float(table["score"][0]) != 0
    assert "stopped: 1 of 2 are done; the same command resumes" in capsys.readouterr().err
    resumed = score_models("voneresnet50", [PREF_OR, PEAK_SF], TINY, **arguments)
    assert f"1 of 2 scores are already in {tmp_path}" in capsys.readouterr().err
    assert (resumed["problem"] == "").all() and len(stubs()) == 2


def test_a_figure_that_cannot_be_drawn_costs_no_result(tmp_path, stubs, monkeypatch):
    def no_figure(sweep):
        raise KeyError("no font")

    monkeypatch.setattr("vonenet_brainscore.plots.sweep.sweep_figure", no_figure)
    with pytest.warns(UserWarning, match="results.png: KeyError: 'no font'"):
        found = score_models("voneresnet50", PREF_OR, TINY, output=tmp_path, **QUIET)
    assert np.isfinite(found["score"].item()) and (tmp_path / "results.nc").is_file()


def test_a_front_end_that_answers_with_infinity_is_a_row_not_a_number(tmp_path, stubs):
    found = score_models("voneresnet50", PREF_OR, {"k_exc": [25, 3e38], **TINY}, output=tmp_path, **QUIET).squeeze()
    assert np.isfinite(found["score"][0]) and np.isnan(found["score"][1])
    assert found["problem"][0] == "" and "not finite" in found["problem"][1].item()


def test_a_score_that_is_nan_is_a_row_not_a_number(tmp_path, stubs, monkeypatch):
    monkeypatch.setattr(V1PropertyBenchmark, "compare", lambda *_: stub_compare(*_) * np.nan)
    found = score_models("voneresnet50", PREF_OR, TINY, output=tmp_path, **QUIET)
    assert found["problem"].item() == "the score is nan, before its ceiling nan" and not list(
        (tmp_path / "records").iterdir()
    )


def test_a_score_whose_raw_is_an_array_has_a_row(tmp_path, stubs, monkeypatch):
    """As of Brain-Score's accuracy and value_delta; and one that is no number costs its own cell."""

    def compare(benchmark, experiments):
        score = stub_compare(benchmark, experiments)
        score.attrs["raw"] = {PREF_OR: np.arange(3.0), PEAK_SF: "words", BANDWIDTH: score.attrs["raw"]}[
            benchmark.identifier
        ]
        return score

    monkeypatch.setattr(V1PropertyBenchmark, "compare", compare)
    found = score_models("voneresnet50", [PREF_OR, PEAK_SF, BANDWIDTH], TINY, output=tmp_path, **QUIET).squeeze()
    assert np.isfinite(found["score"]).values.tolist() == [True, False, True] and np.isnan(found["raw"][0])
    assert (found["problem"] != "").values.tolist() == [False, True, False]


def test_a_score_of_halved_batches_is_told_and_not_kept(tmp_path, stubs, monkeypatch):
    def halved(benchmark, experiments):
        score = stub_compare(benchmark, experiments)
        experiments.subject.extractor.batch_size //= 2
        return score

    monkeypatch.setattr(V1PropertyBenchmark, "compare", halved)
    with pytest.warns(UserWarning, match="1 scores in batches of 4 images, not 8, as memory ran out"):
        found = score_models("voneresnet50", PREF_OR, TINY, output=tmp_path, device="cpu", **QUIET)
    assert np.isfinite(found["score"].item()) and not list((tmp_path / "records").iterdir())


def test_regions_without_their_weights_cost_no_other_cell(tmp_path, stubs, monkeypatch):
    from vonenet_brainscore.models import vonenet
    from vonenet_brainscore.sweep import work

    class Behind(V1PropertyBenchmark):
        def __init__(self, identifier, *, seed):
            super().__init__(identifier, seed=seed)
            self.region = "IT" if identifier == PEAK_SF else "V1"

    def no_weights(name):
        raise FileNotFoundError(f"no {name}")

    work._v1_property.cache_clear()
    monkeypatch.setattr("vonenet_brainscore.benchmarks.v1_properties.V1PropertyBenchmark", Behind)
    monkeypatch.setattr(vonenet, "fetch_checkpoint", no_weights)
    found = score_models("voneresnet50", [PEAK_SF, PREF_OR], TINY, output=tmp_path, **QUIET).squeeze()
    work._v1_property.cache_clear()
    assert found["problem"].values.tolist() == ["no voneresnet50_e70.pth.tar", ""]


def test_refusals_come_before_any_work(tmp_path, stubs):
    def refused(error, message, **changes):
        arguments = {"output": tmp_path / "out", **QUIET, **changes}
        with pytest.raises(error, match=message):
            score_models("voneresnet50", PREF_OR, TINY, **arguments)

    refused(ValueError, "workers is 0", workers=0)
    refused(ValueError, "a scheduler already has workers", scheduler="tcp://127.0.0.1:1")
    refused(ValueError, "scheduler is '127'; give an address", scheduler="127", workers=None)
    refused(ValueError, "unknown cluster 'slrum'; have slurm, pbs", cluster="slrum")
    refused(ValueError, "workers says how many jobs", cluster="slurm", workers=None)
    refused(ValueError, "cluster_options go with a cluster", cluster_options={"queue": "normal"})
    refused(ValueError, "patience_s is -1", patience_s=-1)
    refused(ValueError, "memory is 0", memory=0)
    refused(ValueError, "memory is inf", memory=np.inf)
    refused(TypeError, "memory is '1GB'", memory="1GB")
    refused(TypeError, r"workers is 2\.5; it must be a whole number", workers=2.5)
    refused(TypeError, "scheduler is 5; it must be text", scheduler=5, workers=None)
    refused(TypeError, "patience_s is '5'", patience_s="5")
    refused(TypeError, r"threads is 1\.5", threads=1.5)
    with pytest.raises(TypeError, match=r"settings is \[\('seed', \[1\]\)\]; give a mapping"):
        score_models("voneresnet50", PREF_OR, [("seed", [1])], output=tmp_path / "out", **QUIET)
    refused(ValueError, "nothing can be computed on the device 'cuda:99' here", device="cuda:99")
    refused(TypeError, "device is 3; give text", device=3)
    (tmp_path / "file").touch()
    refused(OSError, "file cannot hold a sweep's results", output=tmp_path / "file")
    assert not (tmp_path / "computed.log").exists()
