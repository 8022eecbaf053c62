"""The record of what made a score."""

from importlib.metadata import version
from typing import Any

_PACKAGES = ("brainscore_vision", "brainscore_core", "torch", "numpy", "scipy", "scikit-learn", "pillow")


def provenance(subject: Any, benchmark: Any, *, seed: int) -> dict[str, Any]:
    """Which model, benchmark, layers, weights, noise, trials, seed, data and versions made a score.

    Parameters
    ----------
    subject : BrainModel
    benchmark : Benchmark
    seed : int

    Returns
    -------
    dict
        `model_identifier`, `benchmark_identifier`, `region`, `seed`, `versions`; for this package's subjects also
        `layer`, `weights`, `noise` (mode, scale and level, or 'none'), `trials`, `batch_size`, `threads`, `device`.
        Network arithmetic may differ in the last bit between the last three.
    """
    import torch

    from . import __version__
    from .recordings.subject import Subject

    record: dict[str, Any] = {
        "model_identifier": subject.identifier,
        "benchmark_identifier": benchmark.identifier,
        "benchmark_version": benchmark.version,
        "region": getattr(benchmark, "region", None),
        "seed": seed,
        "versions": {"vonenet_brainscore": __version__, **{name: version(name) for name in _PACKAGES}},
    }
    if isinstance(subject, Subject):
        extractor, block = subject.extractor, subject.extractor.block
        noise = "none"
        if extractor.is_noisy and block is not None:
            noise = f"{block.noise_mode}, scale {block.noise_scale}, level {block.noise_level}"
        record |= {
            "layer": subject.region_layer_map.get(str(record["region"])),
            "weights": subject.weights,
            "noise": noise,
            "trials": extractor.trials_run(getattr(benchmark, "_number_of_trials", 1)),
            "batch_size": extractor.batch_size,
            "threads": torch.get_num_threads(),
            "device": str(extractor.device),
        }
    return record
