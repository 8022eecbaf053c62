"""score_model through its public name: names, networks, subjects; one benchmark or many; the same bits again."""

import json
import subprocess
import sys

import numpy as np
import pytest
from brainio_format import registered, write_freeman_ziemba, write_majaj_hong
from tiny_networks import SMALL, tiny_vonenet

from vonenet_brainscore import get_model, record, score_model
from vonenet_brainscore.benchmarks.names import benchmark_identifiers
from vonenet_brainscore.models import downloads
from vonenet_brainscore.recordings.loading import load_subject

QUIET = {"progress": False, "cache": False}
BANDWIDTH = "Marques2020_Schiller1976-sf_bandwidth"
REGIONS = {"V1": "vone_block", "V2": "model.0", "V4": "model.1", "IT": "model.2"}


@pytest.fixture(scope="module")
def tiny():
    return tiny_vonenet()


@pytest.fixture
def made(tmp_path):
    """Brain-Score's storage with made recordings of V1, V2, V4 and IT."""
    with registered(tmp_path, write_freeman_ziemba(tmp_path), write_majaj_hong(tmp_path)):
        yield


@pytest.mark.parametrize(
    "call",
    [
        "score_model('voneresnet51', 'V1-properties')",
        "record('voneresnet51', [])",
        "v1_properties('voneresnet51')",
        "compare_gabors('voneresnet50') and 1 / 0",
        "neural_benchmark('made', 'no folder', 'no file')",
        "simulated_benchmark('.', n_stimuli=1)",
        "score_models('voneresnet51', output='.')",
        "package_submission('voneresnet51', 'a.zip')",
    ],
)
def test_no_warning_of_brainscores_import_reaches_the_user(call, tmp_path):
    code = (
        "import warnings; warnings.simplefilter('error', FutureWarning); import vonenet_brainscore\n"
        f"try: vonenet_brainscore.{call}\n"
        "except (ValueError, FileNotFoundError, ZeroDivisionError) as error: print(error)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert shown.stdout and not shown.stderr


def test_a_v1_property_of_a_named_model():
    score = score_model("voneresnet50", BANDWIDTH, noise="none", **QUIET)
    attrs = score.attrs
    assert 0 < float(score) < 1.2
    assert float(score) == pytest.approx(float(attrs["raw"]) / float(attrs["ceiling"]))
    assert attrs["error"] > 0 and attrs["held_out"] and attrs["n_neurons"] == 87
    assert attrs["n_units"] > 500 and attrs["n_undefined"] == np.isnan(attrs["model_values"]).sum()
    expected = {"model_identifier": "voneresnet50", "benchmark_identifier": BANDWIDTH, "region": "V1", "seed": 0}
    expected |= {"layer": "vone_block", "noise": "none", "trials": 1}
    assert {name: attrs[name] for name in expected} == expected
    assert "published Gabor parameters" in attrs["weights"] and "Schiller" in attrs["data_source"]
    assert attrs["versions"]["brainscore_vision"]


def test_v1_properties_stand_for_fifteen_in_one_pass(tiny, monkeypatch):
    from vonenet_brainscore.tuning import window_recorder

    mapped = []
    map_receptive_fields = window_recorder.WindowRecorder.map_receptive_fields
    monkeypatch.setattr(
        window_recorder.WindowRecorder,
        "map_receptive_fields",
        lambda self: mapped.append(1) or map_receptive_fields(self),
    )
    with pytest.warns(UserWarning, match="could not be scored"):
        scores = score_model(tiny, "V1-properties", noise="none", **QUIET)
    assert tuple(scores) == benchmark_identifiers("V1-properties") and mapped == [1]
    # No unit of so small a block is suppressed by large gratings: that is said, and costs no other score.
    undefined = scores["Marques2020_Cavanaugh2002-surround_diameter"]
    assert np.isnan(float(undefined)) and "64 undefined (NaN)" in undefined.attrs["problem"]
    with pytest.raises(ValueError, match=r"64 undefined \(NaN\)"):
        score_model(tiny, "Marques2020_Cavanaugh2002-surround_diameter", noise="none", **QUIET)
    alone = score_model(tiny, BANDWIDTH, noise="none", **QUIET)
    assert float(alone) == float(scores[BANDWIDTH])
    two = score_model(tiny, list(scores)[:2], noise="none", **QUIET)
    assert {name: float(score) for name, score in two.items()} == {
        name: float(scores[name]) for name in list(scores)[:2]
    }


def test_the_same_seed_gives_the_same_bits_and_another_does_not(tiny):
    one, again, other = (
        score_model(tiny, BANDWIDTH, trials=2, seed=seed, **QUIET).attrs["model_values"] for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_seeds_give_a_spread(tiny):
    scores = [float(score_model(tiny, BANDWIDTH, trials=1, seed=seed, **QUIET)) for seed in (5, 6, 7)]
    spread = score_model(tiny, BANDWIDTH, trials=1, seed=5, seeds=3, **QUIET)
    assert float(spread) == pytest.approx(np.mean(scores))
    assert spread.attrs["error"] == pytest.approx(np.std(scores, ddof=1))
    assert spread.attrs["score_by_seed"] == scores and spread.attrs["seeds"] == [5, 6, 7]
    with pytest.raises(ValueError, match="a spread needs at least 2"):
        score_model(tiny, BANDWIDTH, seeds=1, **QUIET)


@pytest.mark.parametrize(
    ("name", "region", "identifier"),
    [
        ("movshon.FreemanZiemba2013-v1", "V1", "FreemanZiemba2013public.V1-pls"),
        ("movshon.FreemanZiemba2013-v2", "V2", "FreemanZiemba2013public.V2-pls"),
        ("dicarlo.MajajHong2015-v4", "V4", "MajajHong2015public.V4-pls"),
        ("dicarlo.MajajHong2015-it", "IT", "MajajHong2015public.IT-pls"),
    ],
)
def test_every_region_through_brainscores_own_chain(made, tiny, name, region, identifier):
    """Its loaders, benchmark, metric and ceiling; our compressed recording against its own features."""
    import brainscore_vision

    score = score_model(tiny, name, noise="none", region_layer_map=REGIONS, **QUIET)
    assert score.attrs["compressed"] and score.attrs["layer"] == REGIONS[region]
    assert "Brain-Score's storage: assy_" in score.attrs["data_source"]
    subject = load_subject(tiny, noise="none", region_layer_map=REGIONS, progress=False)
    theirs = brainscore_vision.load_benchmark(identifier)(subject)
    assert float(score) == pytest.approx(float(theirs), abs=1e-6)
    assert float(score.attrs["ceiling"]) == float(theirs.attrs["ceiling"])
    ours, full = (each.attrs["raw"].attrs["raw"] for each in (score, theirs))
    np.testing.assert_allclose(ours.values, full.values, atol=1e-6)  # per split and neuroid


def test_brainscores_own_score_takes_our_subjects(made, tiny):
    """Its memory check and its call, as `brainscore_vision.score` makes them of a registered model."""
    import brainscore_vision

    subject = load_subject(tiny, noise="none", region_layer_map=REGIONS, progress=False)
    theirs = brainscore_vision.score_benchmark(brainscore_vision.load_benchmark("MajajHong2015public.IT-pls"), subject)
    ours = score_model(tiny, "dicarlo.MajajHong2015-it", noise="none", region_layer_map=REGIONS, **QUIET)
    assert float(theirs) == pytest.approx(float(ours), abs=1e-6)


def test_cornets_answers_in_time(made):
    network = get_model("cornets", pretrained=False, noise_mode=None, **SMALL)
    score = score_model(network, "dicarlo.MajajHong2015-it", **QUIET)
    assert score.attrs["layer"] == "model.IT.output"
    assert np.isfinite(float(score))


def test_noise_is_averaged_over_the_benchmarks_trials(made, tiny):
    noisy = score_model(tiny, "movshon.FreemanZiemba2013-v1", region_layer_map=REGIONS, **QUIET)
    assert noisy.attrs["trials"] == 20 and noisy.attrs["noise"].startswith("neuronal")
    two = score_model(tiny, "movshon.FreemanZiemba2013-v1", trials=2, region_layer_map=REGIONS, **QUIET)
    assert two.attrs["trials"] == 2 and float(two) != float(noisy)


def test_full_features_that_do_not_fit_are_refused_before_the_work(made, tiny, monkeypatch):
    import psutil

    from vonenet_brainscore.benchmarks import running

    class Memory:
        available = 1000

    monkeypatch.setattr(psutil, "virtual_memory", Memory)
    monkeypatch.setattr(running, "compressible", lambda benchmark: False)
    with pytest.raises(MemoryError, match=r"full features of vone_block: 60 stimuli x 16384 units, at least 0\.0 GB"):
        score_model(tiny, "movshon.FreemanZiemba2013-v1", region_layer_map=REGIONS, **QUIET)


def test_a_kept_score_is_returned_and_a_damaged_one_computed_anew(tmp_path, tiny, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    monkeypatch.delenv("RESULTCACHING_DISABLE", raising=False)
    settings = {"noise": "none", "progress": False}
    first = score_model(tiny, BANDWIDTH, **settings)
    (kept,) = tmp_path.rglob("*.json")
    monkeypatch.setattr(
        "vonenet_brainscore.tuning.window_recorder.WindowRecorder.record", lambda *_: pytest.fail("computed again")
    )
    again = score_model(tiny, BANDWIDTH, **settings)
    assert float(again) == float(first) and again.attrs.keys() == first.attrs.keys()
    np.testing.assert_array_equal(again.attrs["model_values"], first.attrs["model_values"])
    np.testing.assert_array_equal(again.attrs["raw"].attrs["raw"], first.attrs["raw"].attrs["raw"])
    monkeypatch.undo()
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    kept.write_text(kept.read_text()[:100])
    with pytest.warns(UserWarning, match="is damaged"):
        repaired = score_model(tiny, BANDWIDTH, **settings)
    assert float(repaired) == float(first)
    assert json.loads(kept.read_text())


def test_content_not_names_decides_what_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))
    settings = {"noise": "none", "progress": False}
    one = score_model(tiny_vonenet(), BANDWIDTH, **settings)
    for change in ({"gabor_seed": 1}, {"k_exc": 10}):
        score_model(tiny_vonenet(**change), BANDWIDTH, **settings)
    score_model(tiny_vonenet(), BANDWIDTH, **settings | {"seed": 1})
    assert len(list(tmp_path.rglob("*.json"))) == 4
    assert float(score_model(tiny_vonenet(), BANDWIDTH, **settings)) == float(one)
    assert len(list(tmp_path.rglob("*.json"))) == 4


def test_a_subjects_or_benchmarks_own_seed_and_kind_are_content(tmp_path, monkeypatch):
    from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark

    monkeypatch.setenv("RESULTCACHING_HOME", str(tmp_path))

    class Constant(V1PropertyBenchmark):
        def compare(self, experiments):
            score = super().compare(experiments)
            return score * 0 + 0.123

    network = tiny_vonenet()
    subjects = [load_subject(network, seed=seed, trials=1, progress=False) for seed in (0, 5)]
    scores = [score_model(subject, BANDWIDTH, progress=False) for subject in subjects]
    assert float(scores[0]) != float(scores[1])
    assert [score.attrs["noise_seed"] for score in scores] == [0, 5]
    other = score_model(subjects[0], V1PropertyBenchmark(BANDWIDTH, seed=5), progress=False)
    assert float(other) != float(scores[0])
    assert float(score_model(subjects[0], Constant(BANDWIDTH), progress=False)) == pytest.approx(0.123)
    hooked = tiny_vonenet()
    hooked.vone_block.register_forward_hook(lambda module, inputs, output: output * 2)
    kept = len(list(tmp_path.rglob("*.json")))
    score_model(hooked, BANDWIDTH, noise="none", progress=False)
    assert len(list(tmp_path.rglob("*.json"))) == kept


def test_brainscores_models_and_benchmarks_pass_through(tiny):
    from vonenet_brainscore.benchmarks.v1_properties import V1PropertyBenchmark

    subject = load_subject(tiny, noise="none", progress=False)
    benchmark = V1PropertyBenchmark(BANDWIDTH)
    by_object = score_model(subject, benchmark, **QUIET)
    assert float(by_object) == float(score_model(tiny, BANDWIDTH, noise="none", **QUIET))
    with pytest.raises(ValueError, match="noise, trials cannot be set on a ready-made BrainModel"):
        score_model(subject, benchmark, noise="none", trials=3, **QUIET)
    with pytest.raises(ValueError, match="seeds cannot be set on a ready-made BrainModel"):
        score_model(subject, benchmark, seeds=3, **QUIET)


def test_regions_behind_the_front_end_need_the_released_weights(made, tmp_path, monkeypatch):
    monkeypatch.setenv("VONENET_HOME", str(tmp_path / "weights"))
    monkeypatch.setattr(downloads, "WAITS_S", (0.0,))
    with pytest.raises(FileNotFoundError, match=r"voneresnet50_e70\.pth\.tar"):
        score_model("voneresnet50", "dicarlo.MajajHong2015-it", **QUIET)
    assert not list((tmp_path / "weights").glob("*.tar*"))


def test_refusals(tiny):
    with pytest.raises(ValueError, match=r"unknown model 'voneresnet51'; nearest: voneresnet50"):
        score_model("voneresnet51", BANDWIDTH)
    with pytest.raises(ValueError, match=r"unknown model 'brainscore:alexnett'; nearest: brainscore:alexnet"):
        score_model("brainscore:alexnett", BANDWIDTH)
    with pytest.raises(ValueError, match="unknown benchmark 'Marques2020_Schiller1976-sf_bandwith'; did you mean Marq"):
        score_model(tiny, "Marques2020_Schiller1976-sf_bandwith")
    with pytest.raises(ValueError, match="no benchmark named"):
        score_model(tiny, [])
    with pytest.raises(ValueError, match="private data"):
        score_model(tiny, "FreemanZiemba2013.V1-pls")
    with pytest.raises(TypeError, match="a model is a name, a network or a BrainModel, not int"):
        score_model(3, BANDWIDTH)
    with pytest.raises(ValueError, match="unknown noise 'off'"):
        score_model(tiny, BANDWIDTH, noise="off")
    with pytest.raises(ValueError, match=r"seed is -1; it must lie in"):
        score_model(tiny, BANDWIDTH, seed=-1)
    with pytest.raises(ValueError, match="region_layer_map has 'v1'; Brain-Score's region is 'V1'"):
        score_model(tiny, BANDWIDTH, region_layer_map={"v1": "vone_block"})
    with pytest.raises(ValueError, match="no layer 'vone_blok' in VOneNet; nearest: vone_block"):
        score_model("voneresnet50", BANDWIDTH, region_layer_map={"V1": "vone_blok"})
    with pytest.raises(ValueError, match=r"no layer 'model\.layer9' in VOneNet"):
        record("voneresnet50", [np.zeros((4, 4), np.uint8)], ["model.layer9"])
    from torch import nn

    with pytest.raises(ValueError, match="Linear has no VOneBlock"):
        score_model(nn.Linear(2, 2), BANDWIDTH)
