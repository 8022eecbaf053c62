"""The table of published models: every row can be built, downloaded, committed and submitted."""

import dataclasses

import pytest
import torch

from vonenet_brainscore.models.back_ends import BACK_ENDS
from vonenet_brainscore.models.registry import MODELS, architecture_of
from vonenet_brainscore.models.vonenet import get_model

PUBLISHED = [name for name, row in MODELS.items() if row.checkpoint]
each_published_row = pytest.mark.parametrize("name", PUBLISHED)


def test_the_published_models():
    assert PUBLISHED == ["voneresnet50", "vonecornets", "vonealexnet", "voneresnet50_at", "voneresnet50_ns"]
    assert [MODELS[name].checkpoint for name in PUBLISHED] == [
        "voneresnet50_e70.pth.tar",
        "vonecornets_e70.pth.tar",
        "vonealexnet_e70.pth.tar",
        "voneresnet50_at_e96.pth.tar",
        "voneresnet50_ns_e70.pth.tar",
    ]
    assert [name for name, row in MODELS.items() if not row.noise] == ["voneresnet50_ns"]
    assert {row.visual_degrees for row in MODELS.values()} == {8}
    assert not any(MODELS[name].front_end for name in PUBLISHED)


def test_a_front_end_alone_has_nothing_to_train_or_to_classify_with():
    alone = [name for name in MODELS if name not in PUBLISHED]
    assert alone == ["voneblock_li2022"]
    for name in alone:
        row = MODELS[name]
        assert row.region_layer_map == {"V1": "vone_block"} and not row.back_end and not row.model_arch
        with pytest.raises(ValueError, match=f"{name} is a front end without a back end, .* surround='li2022'"):
            architecture_of(name)
    assert architecture_of("voneresnet50_at") == "resnet50_at" and architecture_of("module:function")


@each_published_row
def test_every_layer_exists(name):
    row = MODELS[name]
    with torch.device("meta"):
        back_end = BACK_ENDS[row.back_end]()
    layers = {f"model.{layer}" for layer, _ in back_end.named_modules()}
    assert list(row.region_layer_map) == ["V1", "V2", "V4", "IT"]
    assert row.region_layer_map["V1"] == "vone_block"
    assert {*row.region_layer_map.values(), row.readout_layer} - {"vone_block"} <= layers


def test_recurrent_areas_have_as_many_time_steps_as_the_network():
    with torch.device("meta"):
        network = BACK_ENDS["cornets"]()
    for area, (_, _, steps) in MODELS["vonecornets"].time_steps.items():
        assert network.get_submodule(area).times == steps


def test_brainscore_identifiers_are_allowed_and_not_taken():
    identifiers = [row.brainscore_identifier for row in MODELS.values()]
    assert len(set(identifiers)) == len(identifiers)
    assert all("-" not in identifier for identifier in identifiers)  # the leaderboard takes no hyphens
    assert "vonealexnet" not in identifiers  # Brain-Score's own


@each_published_row
def test_the_published_front_end_can_be_built(name):
    row = MODELS[name]
    block = get_model(None, **row.published).vone_block
    assert block.noise_mode == ("neuronal" if row.noise else None)
    assert (block.noise_scale, block.noise_level, block.k_exc, block.stride) == (0.35, 0.07, 25, 4)
    assert block.colours[0] != block.colours[1] and block.normalisation is None


def test_the_named_front_end_has_a_surround():
    block = get_model(None, **MODELS["voneblock_li2022"].published).vone_block
    assert block.surround == "li2022" and block.normalisation is not None and block.noise_mode == "neuronal"
    assert block.colours[0] == block.colours[1]


def test_rows_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODELS["voneresnet50"].noise = False
