"""A named model with another front end: the same bits as the network of those arguments, and on record."""

import numpy as np
import pytest
from few_gratings import show_few_gratings
from submission_models import TinyResNet, tiny_checkpoint
from tiny_networks import SMALL, tiny_vonenet

from vonenet_brainscore import get_model, score_model
from vonenet_brainscore.models import vonenet
from vonenet_brainscore.recordings import loading
from vonenet_brainscore.recordings.loading import load_subject
from vonenet_brainscore.scoring import each_score

BANDWIDTH = "Marques2020_Schiller1976-sf_bandwidth"
QUIET = {"progress": False, "cache": False}


@pytest.fixture
def tiny_resnet(monkeypatch):
    for module in (vonenet, loading):
        monkeypatch.setitem(module.BACK_ENDS, "resnet50", TinyResNet)


def test_a_changed_front_end_equals_the_network_of_the_same_arguments():
    changed = {**SMALL, "gabor_seed": 2, "noise_scale": 0.5}
    named = score_model("voneresnet50", BANDWIDTH, front_end=changed, trials=1, **QUIET)
    network = score_model(get_model(None, quadrature="paper", **changed), BANDWIDTH, trials=1, **QUIET)
    np.testing.assert_array_equal(named.attrs["model_values"], network.attrs["model_values"])
    assert named.item() == network.item()
    assert "changed: image_size=64" in named.attrs["weights"] and "gabor_seed=2" in named.attrs["weights"]
    assert named.attrs["noise"] == "neuronal, scale 0.5, level 0.07"


def test_the_screen_follows_the_block():
    subject = load_subject("voneresnet50", front_end={"visual_degrees": 4, "image_size": 96}, progress=False)
    assert subject.visual_degrees() == 4 and subject.extractor.image_size == 96
    plain = load_subject("voneresnet50", progress=False)
    assert plain.visual_degrees() == 8 and plain.extractor.image_size == 224 and plain.weights == loading.REBUILT


def test_a_front_end_alone_answers_for_v1_and_nothing_else():
    subject = load_subject("voneblock_li2022", front_end=SMALL, progress=False)
    assert subject.region_layer_map == {"V1": "vone_block"}
    assert subject.weights.startswith(f"{loading.REBUILT}; changed: surround='li2022'")
    coloured = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    subject.start_recording("V1")
    assert subject.look_at([coloured]).shape[:2] == (1, 64 * 16 * 16)  # its colours are its own: no checkpoint is asked
    with pytest.raises(ValueError, match="voneblock_li2022 is a V1 front end without a back end"):
        subject.start_recording("IT")
    with pytest.raises(ValueError, match="it can do no tasks"):
        subject.start_task(subject.Task.label, "imagenet")


def test_properties_of_a_surround_that_was_sampled_from_their_neurons_are_not_held_out(monkeypatch):
    show_few_gratings(monkeypatch)
    index, diameter = (f"Marques2020_Cavanaugh2002-surround_{name}" for name in ("suppression_index", "diameter"))
    for surround, held_out in (("cavanaugh2002", False), ("li2022", True)):
        front_end = {**SMALL, "surround": surround, "surround_extent": 1}
        scores = score_model("voneblock_li2022", [index, diameter], front_end=front_end, noise="none", **QUIET)
        assert scores[index].attrs["held_out"] is held_out and scores[diameter].attrs["held_out"] is True


def test_weights_of_ones_own_and_what_contradicts_them(tmp_path, tiny_resnet):
    file = tiny_checkpoint(tmp_path / "own.pth", TinyResNet())
    subject = load_subject("voneresnet50", front_end={"weights": file, "noise_scale": 0.7}, progress=False)
    subject.start_recording("IT")
    assert subject.extractor.network.model is not None and subject.extractor.block.noise_scale == 0.7
    assert subject.weights.startswith("own.pth, sha256 ") and subject.weights.endswith("; changed: noise_scale=0.7")
    with pytest.raises(ValueError, match="has other filters than gabor_seed=5"):
        load_subject("voneresnet50", front_end={"weights": file, "gabor_seed": 5})
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_subject("voneresnet50", front_end={"weights": tmp_path / "none.pth"})


def test_a_region_behind_the_front_end_refuses_filters_that_the_checkpoint_has_not(tmp_path, tiny_resnet, monkeypatch):
    file = tiny_checkpoint(tmp_path / "voneresnet50_e70.pth.tar", TinyResNet())
    monkeypatch.setattr(vonenet, "fetch_checkpoint", lambda name: tmp_path / name)
    subject = load_subject("voneresnet50", front_end={**SMALL, "noise_scale": 0.7}, progress=False)
    subject.start_recording("V4")
    assert subject.weights.startswith(file.name) and "noise_scale=0.7" in subject.weights
    subject = load_subject("voneresnet50", front_end={**SMALL, "gabor_seed": 1}, progress=False)
    with pytest.raises(ValueError, match=r"has other filters than .*gabor_seed=1"):
        subject.start_recording("V4")


def test_refusals():
    with pytest.raises(TypeError, match="front_end has no argument 'gabor_sede'; it takes sf_corr"):
        score_model("voneresnet50", BANDWIDTH, front_end={"gabor_sede": 1})
    with pytest.raises(TypeError, match="front_end has no argument 'pretrained'"):
        score_model("voneresnet50", BANDWIDTH, front_end={"pretrained": False})
    with pytest.raises(ValueError, match=r"front_end can be set on a named VOneNet only \(voneresnet50, "):
        score_model(tiny_vonenet(), BANDWIDTH, front_end={"gabor_seed": 1})
    with pytest.raises(ValueError, match="noise_scale is 0"):
        score_model("voneresnet50", BANDWIDTH, front_end={"noise_scale": 0})


def test_scores_come_as_they_are_made_and_a_failure_costs_no_other():
    class Broken:
        identifier, version, region = "broken", 1, "V1"

        def __call__(self, subject):
            raise KeyError("a bug")

        def preallocate_memory(self, subject):
            pass

    from vonenet_brainscore.benchmarks.loading import LoadedBenchmark, load_benchmarks

    subject = load_subject("voneresnet50", front_end=SMALL, noise="none", progress=False)
    benchmarks = {"broken": LoadedBenchmark("broken", Broken(), is_known=False), **load_benchmarks(BANDWIDTH)}
    found = each_score(subject, benchmarks, cache=False)
    identifier, score, error = next(found)
    assert identifier == "broken" and np.isnan(score.item()) and isinstance(error, KeyError)
    assert score.attrs["problem"] == "KeyError: 'a bug'"
    assert [(name, error) for name, _, error in found] == [(BANDWIDTH, None)]


def test_responses_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="values not finite"):
        score_model("voneresnet50", BANDWIDTH, front_end={**SMALL, "k_exc": 1e38}, **QUIET)
