"""Every command that draws a figure writes the format that the file's suffix names."""

from copy import deepcopy
from dataclasses import replace

import pandas as pd
import pytest
from test_plots_robustness import FOUND
from tiny_networks import tiny_vonenet
from typing_commands import typed

from vonenet_brainscore import scoring, variance_partition
from vonenet_brainscore.classification import loading
from vonenet_brainscore.gabors import gabor_comparison
from vonenet_brainscore.robustness import evaluate
from vonenet_brainscore.variance_partition import VariancePartition

BANDWIDTH = "Marques2020_Schiller1976-sf_bandwidth"
FIRST_BYTES = {".png": b"\x89PNG\r\n", ".pdf": b"%PDF-", ".svg": b"<?xml", ".jpg": b"\xff\xd8\xff"}
COMMANDS = {
    "score": ("voneresnet50", BANDWIDTH),
    "gabors": ("voneresnet50",),
    "partition": ("voneresnet50", "pixels", "--benchmark", "FreemanZiemba2013public.V1-pls"),
    "evaluate": ("--in_path", "."),
}


@pytest.fixture(scope="module")
def computed():
    """What each command draws, of a tiny network."""
    network = tiny_vonenet(noise_mode=None)
    parts = pd.DataFrame({"mean": 0.3, "low": 0.2, "high": 0.4}, pd.MultiIndex.from_tuples([("alone", "pixels")]))
    return {
        "score": scoring.score_model(network, [BANDWIDTH], noise="none", progress=False),
        "gabors": gabor_comparison.compare_gabors(network),
        "partition": VariancePartition(pd.DataFrame(index=range(9)), parts, "made", 30),
        "evaluate": FOUND,
    }


@pytest.mark.parametrize("suffix", FIRST_BYTES)
@pytest.mark.parametrize("command", COMMANDS)
def test_the_suffix_names_the_format(command, suffix, computed, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    results = deepcopy(computed["score"]), computed["gabors"], computed["partition"], replace(FOUND, output=tmp_path)
    places = (
        (scoring, "score_model"),
        (gabor_comparison, "compare_gabors"),
        (variance_partition, "partition_variance"),
        (evaluate, "evaluate"),
    )
    for (module, name), result in zip(places, results, strict=True):
        monkeypatch.setattr(module, name, lambda *_, result=result, **__: result)
    monkeypatch.setattr(loading, "load_classifier", lambda *_, **__: None)
    status, shown = typed(monkeypatch, capsys)(command, *COMMANDS[command], "--figure", f"drawn{suffix}")
    assert status == 0 and f"drawn{suffix}" in shown
    written = sorted(tmp_path.iterdir())
    assert len(written) == (4 if command == "gabors" else 1)
    for path in written:
        content = path.read_bytes()
        assert path.suffix == suffix and content.startswith(FIRST_BYTES[suffix]) and len(content) > 5_000
        assert suffix != ".svg" or b"<svg" in content[:2000]
