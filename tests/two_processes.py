"""Trains in two processes: a whole run, one cut off in its second epoch, and what they refuse. Run by test_fit."""

import os
import sys
from contextlib import suppress
from pathlib import Path

import torch
from test_fit import HELD_OUT, QUIET, Jittered, network

from vonenet_brainscore.training.fit import fit
from vonenet_brainscore.training.recipe import Recipe

folder, rank = Path(sys.argv[1]), os.environ.get("LOCAL_RANK", "0")
TWO = {"recipe": Recipe(batch_size=32, epochs=2, lr=0.02), "devices": 2, **QUIET}


whole = fit(network(), Jittered(), HELD_OUT, output_path=folder / "whole", **TWO)
with suppress(RuntimeError):
    fit(network(), Jittered(60), HELD_OUT, output_path=folder / "cut", **TWO)  # 40 an epoch, and one beforehand
found = fit(network(), Jittered(), HELD_OUT, output_path=folder / "cut", resume=True, **TWO)
for (name, value), (_, expected) in zip(
    found.network.state_dict().items(), whole.network.state_dict().items(), strict=True
):
    assert torch.equal(value, expected), name
torch.save(found.network.state_dict(), folder / f"weights_{rank}.pt")
try:
    fit(network(), Jittered(), HELD_OUT, output_path=folder / ("cut", "elsewhere")[int(rank)], resume=True, **TWO)
except ValueError as error:
    (folder / f"refusal_{rank}").write_text(str(error))
