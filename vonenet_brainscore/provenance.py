"""The provenance of a score: how it was computed, and the key under which it is stored."""

import hashlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from .version import __version__, code_digest

if TYPE_CHECKING:
    import torch

    from .benchmarks.loading import LoadedBenchmark
    from .recordings.subject import Subject

_PACKAGES = ("brainscore_vision", "brainscore_core", "torch", "numpy", "scipy", "scikit-learn", "pillow")


def provenance(subject: Any, loaded: "LoadedBenchmark", *, seed: int) -> dict[str, Any]:
    """Model, benchmark, layers, weights, noise, trials, seed, data and versions of a score.

    Parameters
    ----------
    subject : BrainModel
    loaded : LoadedBenchmark
    seed : int

    Returns
    -------
    dict
        `model_identifier`, `benchmark_identifier`, `benchmark_version`, `region`, `seed`, `versions`; `data_source` for
        a known benchmark; the `own_recordings` of `neural_benchmark`, with digests of responses and stimuli; for
        this package's subjects also `layer`, `weights`, `noise` (mode, scale and level, or 'none'), `noise_seed`,
        `trials`, `batch_size`, `threads`, `device`. The last three may change the last bit of
        network arithmetic.
    """
    from .benchmarks.storage import wanted_files
    from .recordings.subject import Subject

    benchmark = loaded.benchmark
    record: dict[str, Any] = {
        "model_identifier": subject.identifier,
        "benchmark_identifier": loaded.identifier,
        "benchmark_version": benchmark.version,
        "region": _region(benchmark),
        "seed": seed,
        "versions": versions(),
        **getattr(benchmark, "own_recordings", {}),
    }
    if loaded.is_known:
        files = (f"{file.name} (sha1 {file.sha1})" for file in wanted_files(loaded.identifier))
        record["data_source"] = f"Brain-Score's storage: {', '.join(files)}"
    return record | (_recording(subject, benchmark) if isinstance(subject, Subject) else {})


def no_score(subject: Any, loaded: "LoadedBenchmark", error: Exception, *, seed: int) -> Any:
    """NaN in place of a score that could not be computed, so that scores of other benchmarks are not lost.

    Returns
    -------
    Score
        NaN, with `provenance` and, as `problem`, the error message.
    """
    from brainscore_core.metrics import Score

    score = Score(float("nan"))
    score.attrs |= {"problem": in_words(error), **provenance(subject, loaded, seed=seed)}
    return score


def in_words(error: BaseException) -> str:
    """The message of an error, or its type if the message is empty or not meant for users."""
    text = str(error)
    plain = isinstance(error, ValueError | OSError | MemoryError) and text
    return text if plain else f"{type(error).__name__}: {text}".removesuffix(": ")


def content_of_score(subject: Any, loaded: "LoadedBenchmark", *, seed: int) -> dict[str, Any] | None:
    """Everything on which a score depends, as plain values; None if that is unknown.

    Known are this package's subjects, of torch's and this package's modules, on known benchmarks, whose data have
    registered hashes. Trained weights that the region needs are loaded.
    """
    from .benchmarks.storage import wanted_files
    from .models.checkpoints import checkpoint_sha256, vonenet_home
    from .models.registry import MODELS
    from .recordings.subject import Subject

    region = _region(loaded.benchmark)
    if not isinstance(subject, Subject) or not loaded.is_known or region is None:
        return None
    subject.start_recording(region)
    network = network_digest(subject.extractor.network)
    if network is None:
        return None
    row = MODELS.get(subject.identifier)
    released = vonenet_home() / row.checkpoint if row is not None and row.checkpoint else None
    return {
        **_recording(subject, loaded.benchmark),
        "model": subject.identifier,
        "benchmark": loaded.identifier,
        "data": [file.sha1 for file in wanted_files(loaded.identifier)],
        "seed": seed,
        "benchmark_seed": getattr(loaded.benchmark, "seed", None),
        "network": network,
        # The weights that a front end would load for coloured stimuli.
        "checkpoint": checkpoint_sha256(released) if released is not None and released.is_file() else None,
        "visual_degrees": subject.visual_degrees(),
        "image_size": subject.extractor.image_size,
        "normalisation": subject.extractor.normalisation,
        "time_steps": subject.time_steps,
        "code": code_digest(),
        "versions": versions(),
    }


def _recording(subject: Any, benchmark: Any) -> dict[str, Any]:
    return recording_settings(subject, _region(benchmark), getattr(benchmark, "_number_of_trials", 1))


def recording_settings(subject: "Subject", region: str | None, trials: int) -> dict[str, Any]:
    """How a subject of this package is recorded when `trials` are requested.

    Returns
    -------
    dict
        `layer`, `weights`, `noise`, `noise_seed`, `trials`, `batch_size`, `threads`, `device`, as in `provenance`.
    """
    import torch

    extractor, block = subject.extractor, subject.extractor.block
    noise = "none"
    if extractor.is_noisy and block is not None:
        noise = f"{block.noise_mode}, scale {block.noise_scale}, level {block.noise_level}"
    return {
        "layer": subject.region_layer_map.get(str(region)),
        "weights": subject.weights,
        "noise": noise,
        "noise_seed": extractor.seed,
        "trials": extractor.trials_run(trials),
        "batch_size": extractor.batch_size,
        "threads": torch.get_num_threads(),
        "device": str(extractor.device),
    }


def _region(benchmark: Any) -> str | None:
    region = getattr(benchmark, "region", None)
    return None if region is None else str(region)


def versions() -> dict[str, str]:
    """Versions of this package and of those that compute scores."""
    return {"vonenet_brainscore": __version__, **{name: version(name) for name in _PACKAGES}}


def network_digest(network: "torch.nn.Module") -> str | None:
    """Digest of a network: the printed form of its modules, and every parameter and buffer.

    None if these do not determine the computation: if a module is neither torch's nor this package's, has hooks, or has
    its own code, such as a `forward` set on the instance.
    """
    ours = __name__.rpartition(".")[0]
    for module in network.modules():
        foreign = not type(module).__module__.startswith(("torch.nn.", f"{ours}."))
        has_own_code = any(map(callable, vars(module).values()))
        if foreign or has_own_code or module._forward_hooks or module._forward_pre_hooks:
            return None
    return state_digest(network)


def state_digest(network: "torch.nn.Module") -> str:
    """Digest of the printed form of a network's modules and of every parameter and buffer, whatever their code."""
    import torch

    digest = hashlib.sha256(repr(network).encode())
    for name, tensor in network.state_dict().items():
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(dtype=torch.uint8).numpy().tobytes())
    return digest.hexdigest()
