"""Choice of the layer that best represents a region: all candidates are scored in one pass over the images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any

import numpy as np
import pandas as pd
from torch import nn


@dataclass(frozen=True)
class LayerChoice:
    """The result of `choose_layers`.

    Attributes
    ----------
    scores : DataFrame, one row per layer
        `score`, `raw`, `ceiling`, `error` (of `raw`), `score_low` and `score_high` (95 % interval of the score) and
        `n_units`, sorted by `raw`, because a score is squared and loses its sign. The highest of several scores is
        biased upwards by the selection: score the layer on other recordings to obtain an unbiased score.
    region_layer_map : dict
        The region and its best layer, to be used as `region_layer_map=`.
    """

    scores: pd.DataFrame
    region_layer_map: dict[str, str]


def choose_layers(
    model: Any,
    benchmark: Any,
    layers: Sequence[str] | None = None,
    *,
    noise: str = "model",
    trials: int | None = None,
    seed: int = 0,
    weights: Any = None,
    device: Any = None,
    memory: int | None = None,
    progress: bool = True,
) -> LayerChoice:
    """Score candidate layers on a benchmark of a region, and choose the best.

    Brain-Score's `LayerSelection` scores layer by layer and stores its choice under the model's name, without the list
    of layers. Here all layers are recorded together, and nothing is stored.

    Parameters
    ----------
    model : str, nn.Module or BrainModel
        As for `score_model`. Of the models of Brain-Score's plugins, those that are its own commitment around its own
        wrapper of a PyTorch network.
    benchmark : str or Benchmark
        A benchmark with PLS, ridge, CKA or dissimilarities, which is compressed exactly. Use public data, not those of
        the leaderboard.
    layers : sequence of str, optional
        Candidates; by default `candidate_layers` of the network, or the candidates that a commitment names.
    noise, trials, seed, weights, device, memory, progress
        As for `score_model`.

    Returns
    -------
    LayerChoice

    Raises
    ------
    ValueError
        For a layer that does not exist, a benchmark that needs full features or has several time bins, several
        benchmarks, or a BrainModel whose layers are unknown.

    Examples
    --------
    >>> import tempfile
    >>> from vonenet_brainscore import choose_layers, get_model, simulated_benchmark
    >>> front_end = get_model(None, simple_channels=4, complex_channels=4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     benchmark = simulated_benchmark(folder, n_stimuli=80, n_neurons=4)
    ...     choice = choose_layers(front_end, benchmark, ["vone_block"], noise="none", progress=False)
    >>> choice.region_layer_map
    {'V1': 'vone_block'}
    """
    from .benchmarks.loading import load_benchmarks
    from .benchmarks.recognition import compressible
    from .benchmarks.row_space import RowSpaceSubject
    from .benchmarks.running import run_benchmark
    from .recordings.layers import LOGITS, check_layers
    from .recordings.loading import is_reference, load_subject
    from .recordings.streamed import BATCHES, StreamedSubject, way_of_recording
    from .recordings.subject import FRONT_END, Subject
    from .results import claimed_ceiling

    if layers is not None and (isinstance(layers, str) or not isinstance(layers, Sequence)):
        raise TypeError(f"layers is a list of names, not {shortened(layers)}")
    loaded = load_benchmarks(benchmark, seed=seed)
    if len(loaded) != 1:
        raise ValueError(f"layers are chosen on one benchmark, not on {', '.join(loaded)}")
    each = next(iter(loaded.values())).benchmark
    recognised = compressible(each)
    if not recognised or recognised.in_parts:
        raise ValueError(
            "layers are chosen on a benchmark of PLS, ridge, CKA or dissimilarities; "
            f"{each.identifier}: {recognised.reason}"
        )
    if len(time_bins := getattr(each, "timebins", [None])) != 1:
        raise ValueError(f"layers are chosen on a benchmark of one time bin; {each.identifier} has {len(time_bins)}")
    # A subject must have a layer for the region; the candidates are recorded below.
    plain = isinstance(model, nn.Module) or (isinstance(model, str) and is_reference(model))
    subject = load_subject(
        model,
        noise=noise,
        trials=trials,
        seed=seed,
        region_layer_map={str(each.region): layers[0] if layers else LOGITS} if plain else None,
        weights=weights,
        device=device,
        progress=progress,
    )
    if isinstance(subject, Subject):
        if layers is not None:
            check_layers(subject.architecture, layers)
        if layers is None or not all(layer.startswith(FRONT_END) for layer in layers):
            subject.become_trained()
        if layers is None:
            layers = candidate_layers(subject.extractor.network)
        subject.region_layer_map.setdefault(str(each.region), layers[0])
        recorded = RowSpaceSubject(subject, each, layers=layers, memory=memory)
    elif (way := way_of_recording(subject)) == BATCHES:
        layers = list(subject.layers if layers is None else layers)
        check_layers(subject.activations_model._model, layers)
        recorded = RowSpaceSubject(StreamedSubject(subject), each, layers=layers, memory=memory)
    else:
        raise ValueError(f"{subject.identifier} is a BrainModel recorded by {way}; its layers are unknown")
    rows = []
    for layer in layers:
        recorded.layer = layer
        score = run_benchmark(recorded, each, seed=seed, progress=progress)
        rows.append(
            {
                "layer": layer,
                "score": float(score),
                "raw": float(score.attrs["raw"]),
                "ceiling": claimed_ceiling(score.attrs),
                "error": float(score.attrs.get("error", np.nan)),
                "score_low": score.attrs.get("score_low", np.nan),
                "score_high": score.attrs.get("score_high", np.nan),
                "n_units": recorded.n_features,
            }
        )
    scores = pd.DataFrame(rows).set_index("layer").sort_values("raw", ascending=False, kind="stable")
    return LayerChoice(scores, {str(each.region): str(scores.index[0])})


def candidate_layers(network: nn.Module) -> list[str]:
    """The stages of a network: its modules, those inside a `Sequential` in its place, a recurrent area's `output`.

    Rectifications are left out, since the modules before them are the same up to a rectification.
    """
    from .models.stems import Refit

    def stages(module: nn.Module, prefix: str) -> Iterator[str]:
        for name, child in module.named_children():
            if isinstance(child, nn.Sequential):
                yield from stages(child, f"{prefix}{name}.")
            elif isinstance(getattr(child, "output", None), nn.Module):
                yield f"{prefix}{name}.output"
            elif not isinstance(child, nn.ReLU | nn.Identity | nn.Flatten | nn.Dropout | Refit):
                yield f"{prefix}{name}"

    front = [name for name in ("vone_block", "bottleneck") if isinstance(getattr(network, name, None), nn.Module)]
    back_end = getattr(network, "model", None)
    if not isinstance(back_end, nn.Module):
        return front or list(stages(network, ""))
    return [*front, *stages(back_end, "model.")]
