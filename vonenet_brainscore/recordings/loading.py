"""Resolve a name, network or BrainModel to a subject."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from reprlib import repr as shortened
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..arguments import nearest_names
from ..brainscore import registrations, without_pip
from ..models.back_ends import BACK_ENDS
from ..models.named_networks import VONENET_PREFIX, NamedNetwork, named_network, vonenet_behind
from ..models.registry import MODELS
from ..models.settings import FRONT_END_ARGUMENTS
from ..models.vonenet import VOneNet, get_model
from .activations import ActivationsExtractor
from .front_end_subject import FrontEndSubject
from .layers import LOGITS, check_layers
from .subject import FRONT_END, Subject

if TYPE_CHECKING:
    from brainscore_vision.model_interface import BrainModel

BRAINSCORE_PREFIX = "brainscore:"
VISUAL_DEGREES = 8  # of a network that does not state it; Brain-Score's default
REBUILT = "front end rebuilt from its published Gabor parameters (seed 0), no checkpoint"


def load_subject(
    model: Any,
    *,
    noise: str = "model",
    trials: int | None = None,
    seed: int = 0,
    region_layer_map: Mapping[str, str] | None = None,
    front_end: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    device: str | torch.device | None = None,
    batch_size: int | None = None,
    progress: bool = True,
) -> "BrainModel":
    """The subject for a name, a network or a `BrainModel`.

    A named VOneNet starts as its front end, rebuilt from published parameters, which suffices for V1 and grey stimuli.
    The released checkpoint is loaded when a region behind the front end, a task or a coloured stimulus needs it.

    Parameters
    ----------
    model : str, nn.Module or BrainModel
        A name in `MODELS`; a network from `get_model`, or any other together with a `region_layer_map`, which may be
        named as ``timm:NAME``, ``torchvision:NAME`` or ``module:function`` (`named_network`); ``vonenet:timm:NAME`` or
        ``vonenet:torchvision:NAME``, a VOneBlock with that network behind it; `brainscore:ID` or an identifier that
        only Brain-Score knows; or a `BrainModel`, returned as it is.
    noise : {'model', 'none'}
    trials : int, optional
        Number of trials, in place of the benchmark's.
    seed : int
        Seed of the noise.
    region_layer_map : mapping from region to layer, optional
        Added to the model's own.
    front_end : mapping, optional
        Arguments of `get_model` (`FRONT_END_ARGUMENTS`) in place of those that a named model was published with.
    weights : path or 'random', optional
        Weights of a network named by a reference, as for `named_network`. Without them ``vonenet:...`` represents V1
        only, since the library's weights were trained behind another stem.
    device : str or torch.device, optional
        By default a GPU, if there is one, for named models; a network stays on its device.
    batch_size : int, optional
    progress : bool

    Raises
    ------
    ValueError
        For an unknown name (the message names the nearest ones), for settings that cannot be changed in a `BrainModel`,
        or for an impossible front end.
    TypeError
        For an object that is not a model, or a front-end argument that does not exist.
    """
    from brainscore_vision.model_interface import BrainModel

    settings = {"noise": noise, "trials": trials, "seed": seed, "batch_size": batch_size, "progress": progress}
    if weights is not None and not (isinstance(model, str) and is_reference(model)):
        raise ValueError("weights are given with timm:NAME, torchvision:NAME or module:function only")
    if has_named_front_end(model):
        unknown = [argument for argument in front_end or {} if argument not in FRONT_END_ARGUMENTS]
        if unknown:
            raise TypeError(f"front_end has no argument {unknown[0]!r}; it takes {', '.join(FRONT_END_ARGUMENTS)}")
        named_subject = _named_subject if model in MODELS else partial(_vonenet_subject, weights=weights)
        return named_subject(model, region_layer_map, front_end or {}, device, settings)
    if front_end:
        raise ValueError(
            f"front_end can be set on a named VOneNet only ({', '.join(MODELS)}, vonenet:timm:NAME); of a network, set "
            "it in get_model"
        )
    if isinstance(model, str) and is_reference(model):
        named = named_network(model, weights)
        return network_subject(named.network, region_layer_map, device, settings, name=model, named=named)
    if isinstance(model, nn.Module):
        return network_subject(model, region_layer_map, device, settings)
    if isinstance(model, str):
        model = _brainscore_model(model)
    if not isinstance(model, BrainModel) and not hasattr(model, "look_at"):
        raise TypeError(f"a model is a name, a network or a BrainModel, not {type(model).__name__}")
    given = {
        "noise": None if noise == "model" else noise,
        "trials": trials,
        "region_layer_map": region_layer_map,
        "device": device,
    }
    refused = [name for name, value in given.items() if value is not None]
    if refused:
        raise ValueError(f"{', '.join(refused)} cannot be set on a ready-made BrainModel; set it where it is made")
    return model


def has_named_front_end(model: Any) -> bool:
    """Whether a model is a name that determines its VOneBlock, so that its settings can be changed."""
    return isinstance(model, str) and (model in MODELS or model.startswith(VONENET_PREFIX))


def is_reference(model: str) -> bool:
    """Whether a model's name refers to a network: `timm:`, `torchvision:`, `vonenet:` or `module:function`."""
    return ":" in model and not model.startswith(BRAINSCORE_PREFIX)


def settings_of_references(model: Any, **settings: Any) -> dict[str, Any]:
    """Settings for models named by a reference: those given, or none for any other model."""
    return settings if isinstance(model, str) and is_reference(model) else {}


def _named_subject(
    name: str,
    region_layer_map: Mapping[str, str] | None,
    front_end: Mapping[str, Any],
    device: Any,
    settings: dict[str, Any],
) -> Subject:
    row = MODELS[name]
    has_own_weights = front_end.get("weights") is not None

    def load_trained() -> tuple[VOneNet, str]:
        network = get_model(row.model_arch or None, pretrained=True, **front_end)
        return network, _weights(network) + _changes(front_end)

    def rebuild() -> tuple[VOneNet, str]:
        network = get_model(None, pretrained=False, **{**row.published, **front_end})
        return network, REBUILT + _changes({**row.front_end, **front_end})

    network, weights = load_trained() if has_own_weights else rebuild()
    block = network.vone_block
    architecture = network
    if row.back_end:
        with torch.device("meta"):  # layers without weights
            architecture = VOneNet(block, BACK_ENDS[row.back_end]())
    regions = with_own_regions(row.region_layer_map, region_layer_map)
    check_layers(architecture, list(dict.fromkeys(regions.values())))
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device is None else device
    extractor = ActivationsExtractor(network, name, image_size=block.image_size, device=device, **settings)
    return (Subject if row.back_end else FrontEndSubject)(
        name,
        extractor,
        regions,
        visual_degrees=block.visual_degrees,
        weights=weights,
        readout_layer=row.readout_layer,
        time_steps=row.time_steps,
        load_trained=None if has_own_weights or not row.back_end else load_trained,
        architecture=architecture,
    )


def _vonenet_subject(
    name: str,
    region_layer_map: Mapping[str, str] | None,
    front_end: Mapping[str, Any],
    device: Any,
    settings: dict[str, Any],
    *,
    weights: str | Path | None,
) -> Subject:
    """A VOneBlock before a network of a library; V1 alone if no weights are given."""
    network, words = vonenet_behind(name, weights, **front_end)
    words += _changes(front_end)
    device = ("cuda" if torch.cuda.is_available() else "cpu") if device is None else device
    if weights is not None:
        named = NamedNetwork(network, (0.5,) * 3, (0.5,) * 3, words)
        return network_subject(network, region_layer_map, device, settings, name=name, named=named)
    if region_layer_map is not None and set(region_layer_map) != {"V1"}:
        raise ValueError(f"{name} {_Untrained.why}: it has V1 alone, not {', '.join(region_layer_map)}")
    block = network.vone_block
    regions = with_own_regions({"V1": FRONT_END}, region_layer_map)
    check_layers(network, list(regions.values()))
    extractor = ActivationsExtractor(network, name, image_size=block.image_size, device=device, **settings)
    return _Untrained(name, extractor, regions, visual_degrees=block.visual_degrees, weights=words)


class _Untrained(FrontEndSubject):
    why = "has no trained weights; give weights=FILE, or weights='random'"


def _changes(front_end: Mapping[str, Any]) -> str:
    changed = [f"{name}={value!r}" for name, value in front_end.items() if name != "weights"]
    return f"; changed: {', '.join(changed)}" if changed else ""


def with_own_regions(known: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """The known map, updated with the user's entries.

    Raises
    ------
    ValueError
        For a misspelt region.
    TypeError
        For anything other than names of regions and layers.
    """
    given = {} if given is None else given
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for pair in given.items() for name in pair):
        raise TypeError(f"region_layer_map is {shortened(given)}; give names, for example {{'V1': {FRONT_END!r}}}")
    for region in given:
        meant = [name for name in ("V1", "V2", "V4", "IT") if name.lower() == region.lower() and name != region]
        if meant:
            raise ValueError(f"region_layer_map has {region!r}; Brain-Score's region is {meant[0]!r}")
    return {**known, **given}


def network_subject(
    network: nn.Module,
    region_layer_map: Mapping[str, str] | None,
    device: Any,
    settings: dict[str, Any],
    *,
    name: str | None = None,
    named: NamedNetwork | None = None,
) -> Subject:
    """The subject for a network; `name` and `named` come from a reference."""
    layers = {name for name, _ in network.named_modules()}
    trained = (row for row in MODELS.values() if row.back_end)
    by_depth = network.regions_by_depth if isinstance(network, VOneNet) else {}  # of a back end by name
    row = None if by_depth else next((row for row in trained if layers.issuperset(row.region_layer_map.values())), None)
    own = row.region_layer_map if row else {"V1": FRONT_END, **by_depth} if FRONT_END in layers else {}
    regions = with_own_regions(own, region_layer_map)
    if not regions:
        raise ValueError(
            f"{name or type(network).__name__} has no VOneBlock and no layers of a known model; say which layer "
            "represents which region, such as --layer V1=layer1 (region_layer_map={'V1': 'layer1'})"
        )
    check_layers(network, list(dict.fromkeys(regions.values())))
    back_end = network.settings.get("back_end") if isinstance(network, VOneNet) else None
    identifier = name or (f"VOneNet, {back_end}" if back_end else type(network).__name__)
    extractor = ActivationsExtractor(network, identifier, device=device, **settings)
    if named is not None:
        extractor.normalisation = (named.mean, named.std)
    block = extractor.block
    if block is not None:
        extractor.image_size = block.image_size
    return Subject(
        extractor.identifier,
        extractor,
        regions,
        visual_degrees=block.visual_degrees if block is not None else VISUAL_DEGREES,
        weights=(_weights(network) if named is None else named.weights) + _guessed(by_depth, region_layer_map or {}),
        readout_layer=row.readout_layer if row else LOGITS,
        time_steps=row.time_steps if row else None,
    )


def _weights(network: nn.Module) -> str:
    source = getattr(network, "weights_source", None)
    return f"{source.path.name}, sha256 {source.sha256}" if source is not None else "as the network was given"


def _guessed(by_depth: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Remark for the record: which layers represent regions by their depth alone."""
    regions = [f"{region} {layer}" for region, layer in by_depth.items() if region not in given]
    return f"; by depth, not chosen on data: {', '.join(regions)}" if regions else ""


def _brainscore_model(name: str) -> "BrainModel":
    identifier = name.removeprefix(BRAINSCORE_PREFIX)
    known = registrations("model")
    if identifier not in known:
        names = [*MODELS, *(known if name == identifier else (BRAINSCORE_PREFIX + other for other in known))]
        near = nearest_names(name, names) or list(MODELS)
        raise ValueError(f"unknown model {name!r}; nearest: {', '.join(near)}")
    import brainscore_vision

    with without_pip():
        return brainscore_vision.load_model(identifier)
