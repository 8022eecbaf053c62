"""The table of published models: every row can be built, downloaded, committed and submitted."""

import dataclasses

import pytest
import torch

from vonenet_brainscore.models.back_ends import BACK_ENDS
from vonenet_brainscore.models.registry import MODELS
from vonenet_brainscore.models.vonenet import get_model

each_row = pytest.mark.parametrize("name", MODELS)


def test_the_published_models():
    assert list(MODELS) == ["voneresnet50", "vonecornets", "vonealexnet", "voneresnet50_at", "voneresnet50_ns"]
    assert [row.checkpoint for row in MODELS.values()] == [
        "voneresnet50_e70.pth.tar",
        "vonecornets_e70.pth.tar",
        "vonealexnet_e70.pth.tar",
        "voneresnet50_at_e96.pth.tar",
        "voneresnet50_ns_e70.pth.tar",
    ]
    assert [name for name, row in MODELS.items() if not row.noise] == ["voneresnet50_ns"]
    assert {row.visual_degrees for row in MODELS.values()} == {8}


@each_row
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


@each_row
def test_the_published_front_end_can_be_built(name):
    row = MODELS[name]
    block = get_model(None, **row.published).vone_block
    assert block.noise_mode == ("neuronal" if row.noise else None)
    assert (block.noise_scale, block.noise_level, block.k_exc, block.stride) == (0.35, 0.07, 25, 4)
    assert block.colours[0] != block.colours[1]


def test_rows_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODELS["voneresnet50"].noise = False
