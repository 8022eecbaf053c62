"""Candidate layers are scored as if each alone represented the region, from one pass over the images."""

from collections import OrderedDict

import pytest
from brainio_format import registered, write_majaj_hong
from tiny_networks import tiny_vonenet
from torch import nn

from vonenet_brainscore import choose_layers, get_model, score_model
from vonenet_brainscore.benchmarks.self_check import PixelSubject
from vonenet_brainscore.layer_choice import candidate_layers


@pytest.fixture
def made(tmp_path):
    with registered(tmp_path, write_majaj_hong(tmp_path)):
        yield


def test_equals_scoring_each_layer(made):
    network = tiny_vonenet(noise_mode=None)
    passes = []
    network.vone_block.register_forward_hook(lambda *_: passes.append(1))
    layers = ["vone_block", "model.1", "model.2"]
    choice = choose_layers(network, "dicarlo.MajajHong2015-it", layers, progress=False)
    in_one_pass = len(passes)
    alone = {}
    for layer in layers:
        score = score_model(
            network, "dicarlo.MajajHong2015-it", region_layer_map={"IT": layer}, progress=False, cache=False
        )
        alone[layer] = float(score)
    assert dict(choice.scores["score"]) == alone  # to the bit
    assert len(passes) - in_one_pass == 3 * in_one_pass
    best = max(alone, key=alone.__getitem__)
    assert choice.region_layer_map == {"IT": best} and choice.scores.index[0] == best
    assert choice.scores.loc["vone_block", "n_units"] == 64 * 16 * 16


def test_candidates_are_the_stages():
    candidates = candidate_layers(get_model("resnet50", pretrained=False))
    assert candidates[:3] == ["vone_block", "bottleneck", "model.layer1.0"] and "model.layer4.2" in candidates
    recurrent = candidate_layers(get_model("cornets", pretrained=False))
    assert {"model.V2.output", "model.V4.output", "model.IT.output"} <= set(recurrent)
    assert "model.features.0" in candidate_layers(get_model("alexnet", pretrained=False))


def test_refusals(made):
    network = tiny_vonenet(noise_mode=None)
    with pytest.raises(ValueError, match=r"no layer 'model\.9' in VOneNet; nearest: model"):
        choose_layers(network, "dicarlo.MajajHong2015-it", ["model.9"])
    with pytest.raises(ValueError, match="chosen on a benchmark of PLS, ridge, CKA or dissimilarities; Marques2020_"):
        choose_layers(network, "Marques2020_Schiller1976-sf_bandwidth")
    with pytest.raises(ValueError, match="layers are chosen on one benchmark"):
        choose_layers(network, "V1-properties")
    with pytest.raises(ValueError, match="pixels-32x32 is a BrainModel recorded by its own look_at"):
        choose_layers(PixelSubject(), "dicarlo.MajajHong2015-it")


def test_the_best_layer_has_the_highest_raw_score(made, monkeypatch):
    """A score is squared: a layer that predicts the opposite would win by it."""
    from brainscore_core.metrics import Score

    from vonenet_brainscore.benchmarks import running

    raws = {"vone_block": 0.2, "model.1": -0.6, "model.2": 0.4}

    def run(subject, benchmark, **settings):
        score = Score(raws[subject.layer] ** 2)
        score.attrs |= {"raw": Score(raws[subject.layer]), "ceiling": Score(1.0)}
        return score

    monkeypatch.setattr(running, "run_benchmark", run)
    network = tiny_vonenet(noise_mode=None)
    choice = choose_layers(network, "dicarlo.MajajHong2015-it", list(raws), progress=False)
    assert list(choice.scores.index) == ["model.2", "vone_block", "model.1"]
    assert choice.region_layer_map == {"IT": "model.2"} and dict(choice.scores["raw"]) == raws
    assert choice.scores["error"].isna().all()


def test_layers_are_chosen_by_geometry_too(made):
    """CKA of all layers from one pass equals that of each alone, on its full features."""
    import brainscore_vision
    from brainscore_vision.metrics.cka.metric import CKA

    from vonenet_brainscore.benchmarks.running import run_benchmark
    from vonenet_brainscore.recordings.loading import load_subject

    benchmark = brainscore_vision.load_benchmark("MajajHong2015public.IT-pls")
    benchmark._similarity_metric = CKA()
    network, layers = tiny_vonenet(noise_mode=None), ["vone_block", "model.2"]
    choice = choose_layers(network, benchmark, layers, progress=False)
    for layer in layers:
        subject = load_subject(network, region_layer_map={"IT": layer}, progress=False)
        full = benchmark(subject)
        assert choice.scores.loc[layer, "score"] == pytest.approx(float(full), abs=1e-5)  # float32 in full
        assert float(run_benchmark(subject, benchmark)) == choice.scores.loc[layer, "score"]


def test_rectifications_and_what_changes_no_response_are_no_candidates():
    back_end = nn.Sequential(
        OrderedDict(
            conv=nn.Conv2d(64, 4, 3),
            relu=nn.ReLU(),
            same=nn.Identity(),
            drop=nn.Dropout(),
            inner=nn.Sequential(nn.MaxPool2d(2), nn.ReLU(inplace=True)),
            flat=nn.Flatten(),
            head=nn.LazyLinear(3),
        )
    )
    network = get_model(None, pretrained=False, back_end=back_end)
    assert candidate_layers(network) == ["vone_block", "bottleneck", "model.conv", "model.inner.0", "model.head"]
    assert candidate_layers(back_end) == ["conv", "inner.0", "head"]
