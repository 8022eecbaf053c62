"""Networks of timm and torchvision, by name."""

from typing import Any

from torch import nn

from ..arguments import check_text, nearest_names

LIBRARIES = ("timm", "torchvision")
_SIDE = 224  # pixels that the libraries' networks are made for where they do not say


def names_library(name: str) -> bool:
    """Whether a name is of the form ``timm:NAME`` or ``torchvision:NAME``."""
    return name.partition(":")[0] in LIBRARIES


def library_network(
    name: str, *, n_classes: int = 1000, image_size: int = _SIDE, pretrained: bool = False
) -> nn.Module:
    """The network that a library makes of a name, in training mode.

    Parameters
    ----------
    name : str
        ``timm:NAME`` or ``torchvision:NAME``.
    n_classes : int
    image_size : int
        Side of the images in pixels, for networks that are made for one size.
    pretrained : bool
        With the library's weights, which it downloads where it does not have them.

    Raises
    ------
    ValueError
        If there is no such network, with the nearest names, or it cannot be made for such images or classes.
    ModuleNotFoundError
        If the library does not import.
    FileNotFoundError
        If the weights are unavailable.
    """
    check_text(name=name)
    library, _, bare = name.partition(":")
    if library not in LIBRARIES:
        raise ValueError(f"{name!r} names no library; give timm:NAME or torchvision:NAME")
    make, known = _timm(bare, image_size) if library == "timm" else _torchvision(bare)
    if bare not in known:
        near = nearest_names(bare, known)
        raise ValueError(f"{library} has no network {bare!r}; nearest: {', '.join(near) if near else 'none'}")
    if library == "torchvision" and pretrained and n_classes != 1000:  # timm draws the last layer anew
        raise ValueError(f"torchvision's weights are of 1000 classes, not {n_classes}; leave out one of the two")
    try:
        return make(n_classes=n_classes, pretrained=pretrained)
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).partition("\n")[0]
        if pretrained:
            raise FileNotFoundError(
                f"the pretrained weights of {name} are unavailable ({reason}); use random ones (--weights random, "
                f"weights='random'), or download them where there is internet access and copy {library}'s cache"
            ) from error
        raise ValueError(f"{library} does not make {bare!r}: {reason}") from error


def library_input(network: nn.Module, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation, for each colour, by which a library normalises the images of its network."""
    library, _, bare = name.partition(":")
    if library == "timm":
        settings: Any = network.pretrained_cfg
        return tuple(settings["mean"]), tuple(settings["std"])
    from torchvision import models

    shown = models.get_model_weights(bare).DEFAULT.transforms()
    return tuple(shown.mean), tuple(shown.std)


def _timm(bare: str, image_size: int) -> tuple[Any, list[str]]:
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; networks of timm need it: pip install 'vonenet_brainscore[backends]'"
        ) from error
    except (ImportError, RuntimeError) as error:  # timm imports torchvision
        raise _unfit("timm", error) from error
    known = timm.list_models()
    architecture, _, tag = bare.partition(".")
    if tag and bare in timm.list_pretrained(f"{architecture}.*"):
        known = [*known, bare]

    def make(*, n_classes: int, pretrained: bool) -> nn.Module:
        settings = timm.models.get_pretrained_cfg(bare)
        size: dict[str, Any] = {}
        if settings is not None and settings.fixed_input_size and settings.input_size[-1] != image_size:
            size["img_size"] = image_size
        return timm.create_model(bare, pretrained=pretrained, num_classes=n_classes, **size)

    return make, known


def _torchvision(bare: str) -> tuple[Any, list[str]]:
    try:
        from torchvision import models
    except (ImportError, RuntimeError) as error:
        raise _unfit("torchvision", error) from error

    def make(*, n_classes: int, pretrained: bool) -> nn.Module:
        return models.get_model(bare, weights="DEFAULT" if pretrained else None, num_classes=n_classes)

    return make, models.list_models(models)


def _unfit(library: str, error: Exception) -> ModuleNotFoundError:
    """The error of a library that does not import because its torchvision is missing or was made for another torch."""
    return ModuleNotFoundError(
        f"{library} does not import ({error}); install the torchvision that belongs to the installed torch"
    )
