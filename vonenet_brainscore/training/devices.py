"""The devices used for training, through Lightning Fabric."""

import os
from inspect import signature
from typing import TYPE_CHECKING

import torch
from torch.nn.parallel import DistributedDataParallel

from ..arguments import check_whole, usable_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def fabric_of(device: str | None, devices: int, num_nodes: int, *, precision: str) -> "Fabric":
    """A Fabric that is still to be launched.

    Raises
    ------
    ValueError
        If there are no such devices, or they have not that precision.
    TypeError
        If an argument is not of its kind.
    ModuleNotFoundError
        If lightning-fabric is not installed.
    """
    check_whole(devices=devices, num_nodes=num_nodes)
    if min(devices, num_nodes) < 1:
        raise ValueError(f"devices is {devices}, num_nodes {num_nodes}; they must be at least 1")
    gpus = torch.cuda.device_count()
    if device is None:
        device = "cuda" if gpus else "cpu"
    # Each process computes on a GPU of its own, and must not try the first one.
    place = torch.device("cuda") if device == "cuda" and gpus else usable_device(device)
    if place.type not in ("cpu", "cuda"):
        raise ValueError(f"training runs on cpu or cuda, not on {place.type}")
    if place.type == "cuda":
        if devices > gpus:
            raise ValueError(f"{devices} of {place} asked for, but there are {gpus} GPUs")
        if devices > 1 and place.index is not None:
            raise ValueError(f"device {place} is one GPU; for {devices} give cuda")
    if place.type == "cpu" and precision == "16-mixed":
        raise ValueError("16-mixed is for GPUs; on a CPU take bf16-mixed or 32-true")
    asked = devices * num_nodes
    torchrun = torch.distributed.is_torchelastic_launched()
    started = int(os.environ["WORLD_SIZE"]) if torchrun else asked
    if started != asked:
        raise ValueError(f"torchrun started {started} processes; {devices} devices on {num_nodes} nodes are asked for")
    tasks = int(os.environ.get("SLURM_STEP_NUM_TASKS", 1))
    if not torchrun and tasks not in (1, asked):  # each would train by itself, into the same folder
        raise ValueError(f"srun started {tasks} tasks; give devices={tasks // num_nodes}, one for each of them")
    single = "SLURM_NTASKS" in os.environ and tasks == 1 and not torchrun  # Lightning would wait for tasks of srun
    if single and num_nodes > 1 and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive"):
        raise ValueError(f"{num_nodes} nodes under Slurm, but no srun; start it with srun, one task a device")
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments import LightningEnvironment
        from lightning_fabric.strategies import DDPStrategy
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{error}; training runs on lightning-fabric: pip install 'vonenet_brainscore[training]'"
        ) from error
    # Buffers are shared once an epoch: at every step, as by default, the fixed filters would travel too.
    strategy = DDPStrategy(**{_sharing_of_buffers(): False}) if asked > 1 else "auto"  # type: ignore[arg-type]
    chosen = devices if place.index is None else [place.index]
    return Fabric(
        accelerator=place.type,
        devices=chosen,
        num_nodes=num_nodes,
        strategy=strategy,
        precision=precision,  # type: ignore[arg-type]  # one of PRECISIONS
        plugins=[LightningEnvironment()] if single and num_nodes == 1 else None,  # which starts the processes itself
    )


def _sharing_of_buffers() -> str:
    """What the installed torch calls the sharing of buffers at every step; 2.14 warns of the older name."""
    new = "forward_sync_buffers"
    return new if new in signature(DistributedDataParallel.__init__).parameters else "broadcast_buffers"
