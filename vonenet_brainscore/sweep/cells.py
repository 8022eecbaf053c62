"""The cells of a sweep: the product of models, settings and benchmarks, with everything that each depends on."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np

from ..arguments import check_whole
from ..benchmarks.names import benchmark_identifiers
from ..kept_scores import content_digest
from ..models.checkpoints import checkpoint_sha256
from ..models.registry import MODELS
from ..models.settings import FRONT_END_ARGUMENTS
from ..models.settings import SETTINGS as FRONT_END_SETTINGS
from ..recordings.loading import has_named_front_end, load_subject, settings_of_references
from .model_contents import contents_of_model

SETTINGS = (*FRONT_END_ARGUMENTS, "seed", "trials")
_MOST_CELLS = 1_000_000


@dataclass(frozen=True)
class Cell:
    """One score of a sweep, and everything that determines it.

    Attributes
    ----------
    model : str
    benchmark : str
        Brain-Score's identifier.
    settings : mapping
        A value for each setting that is swept.
    noise : {'model', 'none'}
    trials : int or None
    seed : int
    front_end : mapping
        Arguments of `score_model`, the settings among them.
    reference : mapping
        `region_layer_map` and `weights` of a model named by a reference; empty for others.
    device : str or None
        None for a model of Brain-Score's, which chooses its own device.
    content : mapping
        Everything that the score depends on, as plain values.
    """

    model: str
    benchmark: str
    settings: Mapping[str, Any]
    noise: str
    trials: int | None
    seed: int
    front_end: Mapping[str, Any]
    reference: Mapping[str, Any]
    device: str | None
    content: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """Digest of the content."""
        return content_digest(self.content)

    def subject(self) -> Any:
        """The subject to score; errors are those of `load_subject`."""
        settings: dict[str, Any] = {
            "noise": self.noise,
            "trials": self.trials,
            "seed": self.seed,
            "device": self.device,
        }
        return load_subject(self.model, front_end=self.front_end, progress=False, **settings, **self.reference)


@dataclass(frozen=True)
class Sweep:
    """A checked sweep: the product of models, settings and benchmarks.

    Attributes
    ----------
    models : tuple of str
    benchmarks : tuple of str
        Brain-Score's identifiers.
    settings : dict from name to tuple of values
    noise, trials, seed, device
        For every cell, unless a setting overrides them.
    threads : int
        In every process that scores.
    region_layer_map, weights
        For models that are named by a reference.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        For arguments that `score_models` rejects.
    """

    models: tuple[str, ...]
    benchmarks: tuple[str, ...]
    settings: Mapping[str, tuple[Any, ...]]
    noise: str = "model"
    trials: int | None = None
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    region_layer_map: Mapping[str, str] | None = None
    weights: str | None = None

    @classmethod
    def of(
        cls, models: Any, benchmarks: Any, settings: Mapping[str, Iterable[Any]] | None = None, **common: Any
    ) -> "Sweep":
        """A sweep of the names that a user gives; benchmarks may also be 'V1-properties' or named by data set."""
        names = _listed("models", models)
        identifiers = [each for name in _listed("benchmarks", benchmarks) for each in benchmark_identifiers(name)]
        if settings is not None and not isinstance(settings, Mapping):
            raise TypeError(f"settings is {shortened(settings)}; give a mapping, such as {{'gabor_seed': range(10)}}")
        axes = {name: _values(name, values) for name, values in (settings or {}).items()}
        common["device"] = _device(common.get("device"))
        regions = common.pop("region_layer_map", None)
        if common.get("weights") != "random":
            common["weights"] = _plain("weights", common.get("weights"))
        common = {name: value if name == "weights" else _plain(name, value) for name, value in common.items()}
        common["region_layer_map"] = regions
        sweep = cls(_once(names), _once(identifiers), axes, **common)
        if len(sweep) > _MOST_CELLS:
            raise ValueError(f"a sweep of {len(sweep)} cells is more than {_MOST_CELLS}; split it")
        sweep._check()
        return sweep

    def __len__(self) -> int:
        return len(self.models) * len(self.benchmarks) * math.prod(map(len, self.settings.values()))

    def groups(self) -> list[list[Cell]]:
        """Cells by model and setting; a group shares stimuli and recordings, so one process scores all of it."""
        from ..benchmarks.storage import wanted_files
        from ..provenance import code_digest, versions

        data = {each: [file.sha1 for file in wanted_files(each)] for each in self.benchmarks}
        shared = {"threads": self.threads, "device": self.device, "code": code_digest(), "versions": versions()}
        of_model = {model: {**shared, **contents_of_model(model, self.weights)} for model in self.models}
        return [
            [self._cell(model, settings, benchmark, {"data": data[benchmark], **of_model[model]}) for benchmark in data]
            for model in self.models
            for settings in self._products()
        ]

    def _products(self) -> Iterator[dict[str, Any]]:
        for values in itertools.product(*self.settings.values()):
            yield dict(zip(self.settings, values, strict=True))

    def _cell(self, model: str, settings: Mapping[str, Any], benchmark: str, shared: Mapping[str, Any]) -> Cell:
        given: dict[str, Any] = {"noise": self.noise, "trials": self.trials, "seed": self.seed}
        given |= {name: settings[name] for name in ("trials", "seed") if name in settings}
        front_end = {name: value for name, value in settings.items() if name in FRONT_END_ARGUMENTS}
        if front_end.get("noise_scale") == 0:  # the noise formula divides by the scale, so 0 means no noise
            given["noise"] = "none"
            del front_end["noise_scale"]
        digested = dict(front_end)
        if digested.get("weights") is not None:
            digested["weights"] = checkpoint_sha256(Path(digested["weights"]))
        reference = settings_of_references(model, region_layer_map=self.region_layer_map, weights=self.weights)
        content = {"model": model, "benchmark": benchmark, **given, "front_end": digested, **shared}
        if reference:
            regions = None if self.region_layer_map is None else dict(self.region_layer_map)
            content |= {"region_layer_map": regions}
        device = self.device if model in MODELS or reference else None
        return Cell(
            model,
            benchmark,
            dict(settings),
            **given,
            front_end=front_end,
            reference=reference,
            device=device,
            content=content,
        )

    def _check(self) -> None:
        """Make every model and front end of the sweep, so that errors are raised before the work starts."""
        from ..models.vonenet import get_model
        from ..recordings.activations import ActivationsExtractor

        check_whole(threads=self.threads)
        if self.threads < 1:
            raise ValueError(f"threads is {self.threads!r}; it must be a whole number, at least 1")
        if "weights" in self.settings and len(self.models) > 1:
            raise ValueError("weights belong to one architecture; sweep them with one model")
        swept = [name for name in self.settings if name in FRONT_END_ARGUMENTS]
        of_noise = [name for name in swept if name.startswith("noise_")]
        if self.noise == "none" and of_noise:
            raise ValueError(f"{of_noise[0]} has no effect with noise='none' (--noise none); leave one of the two out")
        for model in self.models:
            if model not in MODELS:
                self._check_model(model)
            if swept and not has_named_front_end(model):
                raise ValueError(f"{swept[0]} is a setting of a VOneBlock, and {model} has none that can be set")
        for settings in self._products():
            cell = self._cell(self.models[0], settings, self.benchmarks[0], {})
            try:
                front_end = get_model(None, pretrained=False, **cell.front_end)
                ActivationsExtractor(front_end, noise=cell.noise, seed=cell.seed, trials=cell.trials)
            except (ValueError, TypeError, RuntimeError, OverflowError) as error:
                raise ValueError(f"{dict(settings)} cannot be scored: {error}") from error

    def _check_model(self, model: str) -> None:
        """Raise if a model cannot be made, or not with this noise, these trials or these layers."""
        own = {name: values[0] for name, values in self.settings.items() if name in ("seed", "trials")}
        self._cell(model, own, "", {}).subject()


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _listed(what: str, names: Any) -> list[str]:
    if not isinstance(names, Iterable):
        raise TypeError(f"{what} of a sweep are names, not {type(names).__name__}")
    listed = [names] if isinstance(names, str) else list(names)
    if not listed:
        raise ValueError(f"no {what} named; a sweep is a product of models, settings and benchmarks")
    wrong = [name for name in listed if not isinstance(name, str)]
    if wrong:
        raise TypeError(f"{what} of a sweep are names, not {type(wrong[0]).__name__}; score_model accepts objects")
    return listed


def _device(device: Any) -> str:
    """A device's name, by default that of this process, so that the key of a score always includes its device."""
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not isinstance(device, str | torch.device):
        raise TypeError(f"device is {device!r}; give text such as 'cpu', 'cuda' or 'cuda:1', or a torch.device")
    try:
        return str(torch.device(device))
    except RuntimeError as error:
        raise ValueError(f"unknown device {device!r}; give 'cpu', 'cuda' or 'cuda:1'") from error


def _values(name: str, values: Any) -> tuple[Any, ...]:
    if name not in SETTINGS:
        raise ValueError(f"unknown setting {name!r}; have {', '.join(SETTINGS)}")
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(f"setting {name} is {values!r}; give the values to sweep over, as [{values!r}]")
    plain = tuple(_plain(name, value) for value in itertools.islice(values, _MOST_CELLS + 1))
    if not plain:
        raise ValueError(f"setting {name} has no values")
    if len(set(plain)) < len(plain):
        raise ValueError(f"setting {name} has a value twice: {', '.join(map(str, plain))}")
    return plain


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if name == "weights" and isinstance(value, str | Path):
        file = Path(value).expanduser().resolve()  # a worker runs in another folder
        if not file.is_file():
            raise FileNotFoundError(f"no checkpoint at {file}; weights are paths of checkpoints")
        value = str(file)
    if value is not None and not isinstance(value, str | bool | int | float):
        raise TypeError(f"{name} has a {type(value).__name__}; values are numbers, words, True, False and None")
    has_infinity = name in FRONT_END_SETTINGS and FRONT_END_SETTINGS[name].within.endswith("inf]")
    if isinstance(value, float) and not math.isfinite(value) and not (has_infinity and value > 0):
        raise ValueError(f"{name} is {value}; it must be finite")
    return value
