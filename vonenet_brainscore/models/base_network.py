"""The base network of a VOneNet: the same network with its own stem, for comparisons."""

from reprlib import repr as shortened

from torch import nn

from ..arguments import check_whole
from .libraries import library_network
from .vonenet import VOneNet


def base_network(model: VOneNet | str, *, n_classes: int | None = None, pretrained: bool = False) -> nn.Module:
    """The network that a VOneNet's back end was cut from, with its own stem.

    Parameters
    ----------
    model : VOneNet or str
        One whose back end was named, whose weights behind the stem are taken over; or such a name, ``timm:NAME`` or
        ``torchvision:NAME``.
    n_classes : int, optional
        Default, those of the VOneNet, and 1000 for a name.
    pretrained : bool
        With the library's weights where none are taken over.

    Raises
    ------
    TypeError
        If an argument is of another kind.
    ValueError
        If the back end has no name, or `n_classes` is below 1; and as `library_network`.
    ModuleNotFoundError, FileNotFoundError
        As `library_network`.

    Examples
    --------
    >>> from vonenet_brainscore import base_network, get_model
    >>> vonenet = get_model(back_end="timm:resnet18", n_classes=10)
    >>> base_network(vonenet).conv1.weight.shape
    torch.Size([64, 3, 7, 7])
    """
    if n_classes is not None:
        check_whole(n_classes=n_classes)
        if n_classes < 1:
            raise ValueError(f"n_classes is {n_classes}; it must be at least 1")
    if not isinstance(pretrained, bool):
        raise TypeError(f"pretrained is {shortened(pretrained)}; it must be True or False")
    if isinstance(model, str):
        return library_network(model, n_classes=n_classes or 1000, pretrained=pretrained)
    if not isinstance(model, VOneNet):
        raise TypeError(f"give a VOneNet or a name such as 'timm:resnet18', not {shortened(model)}")
    name = model.settings.get("back_end")
    if name is None or model.model is None:
        raise ValueError("the back end of this VOneNet has no name; give get_model back_end='timm:NAME'")
    behind = model.model.state_dict()
    *_, bias = behind.values()
    size = model.vone_block.image_size
    network = library_network(name, n_classes=n_classes or len(bias), image_size=size, pretrained=pretrained)
    own = network.state_dict()
    network.load_state_dict({**own, **{key: value for key, value in behind.items() if value.shape == own[key].shape}})
    return network
