"""Recording of layers: copies of the outputs of each call, computed no further than the deepest layer."""

from collections.abc import Callable, Sequence
from reprlib import repr as shortened
from typing import Any

import torch
from torch import nn

from ..arguments import nearest_names

LOGITS = "logits"  # Brain-Score's name for the output of the whole network


class _DeepestLayerReached(Exception):
    pass


def check_layers(network: nn.Module, layers: Sequence[str]) -> None:
    """Raise unless every layer is a module of the network, or 'logits'.

    Raises
    ------
    ValueError
        If a layer does not exist (the message names the nearest ones), is named twice, or the list is empty.
    TypeError
        If `layers` is not a list.
    """
    if isinstance(layers, str) or not isinstance(layers, Sequence):
        raise TypeError(f"layers is a list of names, not {shortened(layers)}")
    if not layers:
        raise ValueError("no layers to record from; name at least one, for example ['vone_block']")
    names = [name for name, _ in network.named_modules() if name]
    for layer in layers:
        if layer != LOGITS and layer not in names:
            near = nearest_names(str(layer), names) or names[:3]
            raise ValueError(f"no layer {layer!r} in {type(network).__name__}; nearest: {', '.join([*near, LOGITS])}")
    twice = {layer for layer in layers if list(layers).count(layer) > 1}
    if twice:
        raise ValueError(f"layers are named twice: {', '.join(sorted(twice))}")


class LayerReader:
    """Runs a network on a batch and returns the outputs of its layers.

    A layer that is called several times, as in a recurrent network, gives one tensor per call. The forward pass stops
    after the last call of the last layer; the number of calls is counted first, on one image.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode.
    layers : sequence of str
        Names as in ``network.named_modules()``, or 'logits'.
    """

    def __init__(self, network: nn.Module, layers: Sequence[str]) -> None:
        check_layers(network, layers)
        self.network = network
        self.layers = list(layers)
        self._calls: int | None = None  # calls of all layers together in one forward pass

    def __call__(self, batch: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        """The outputs of each layer, a list with one tensor (batch, ...) per call."""
        if self._calls is None:
            outputs = self._run(batch[:1])
            silent = [layer for layer, calls in outputs.items() if not calls]
            if silent:
                raise ValueError(f"layers that a forward pass never calls: {', '.join(silent)}")
            self._calls = sum(map(len, outputs.values()))
        return self._run(batch)

    def _run(self, batch: torch.Tensor) -> dict[str, list[torch.Tensor]]:
        outputs: dict[str, list[torch.Tensor]] = {layer: [] for layer in self.layers}

        def keep(layer: str) -> Callable[[nn.Module, Any, Any], None]:
            def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
                if not isinstance(output, torch.Tensor):
                    raise TypeError(
                        f"layer {layer!r} puts out a {type(output).__name__}, not a tensor; record a layer inside it"
                    )
                if not output.ndim or len(output) != len(batch):
                    raise ValueError(
                        f"layer {layer!r} puts out {tuple(output.shape)} for {len(batch)} images, not a response each; "
                        "record a layer around it"
                    )
                outputs[layer].append(output.detach().clone())  # not changed by later operations
                if sum(map(len, outputs.values())) == self._calls:
                    raise _DeepestLayerReached

            return hook

        hooks = [
            (self.network if layer == LOGITS else self.network.get_submodule(layer)).register_forward_hook(keep(layer))
            for layer in self.layers
        ]
        try:
            with torch.no_grad():
                self.network(batch)
        except _DeepestLayerReached:
            pass
        finally:
            for hook in hooks:
                hook.remove()
        return outputs
