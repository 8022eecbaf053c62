"""Stochastic gradient descent, with validation after each epoch."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F
from tqdm.auto import tqdm

from ..classification.accuracy import label_ranks
from ..classification.classifier import Classifier, contents_of
from ..classification.keyed_draws import keyed_draws
from ..models.checkpoints import load_weights
from .batches import LabelledImages, loaded_batches, split_by_rank, training_order
from .recipe import Recipe

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# Times the loss of guessing, beyond which an epoch's mean loss says that the steps were too long. Chosen here: with
# sound steps the first epochs lie near that of guessing.
_EXPLODED = 100


class Descent:
    """Stochastic gradient descent of a classifier on the devices of a Fabric.

    Parameters
    ----------
    fabric : Fabric
        Launched.
    classifier : Classifier
        Moved to the device.
    recipe : Recipe
    n_classes : int
        That the classifier tells apart.
    workers : int
        Processes that load images.
    """

    def __init__(
        self, fabric: "Fabric", classifier: Classifier, recipe: Recipe, *, n_classes: int, workers: int
    ) -> None:
        self.fabric, self.classifier, self.recipe = fabric, classifier, recipe
        self.n_classes, self.workers = n_classes, workers
        self.sgd = torch.optim.SGD(
            classifier.parameters(), lr=recipe.lr, momentum=recipe.momentum, weight_decay=recipe.weight_decay
        )
        self.model, self.optimizer = fabric.setup(classifier, self.sgd)

    def state_dict(self) -> dict[str, Any]:
        """The network's state, and everything else that the descent needs to resume."""
        return {
            "state_dict": self.classifier.network.state_dict(),
            "optimizer": self.sgd.state_dict(),
            "scaler": self.fabric.strategy.precision.state_dict(),
        }

    def load_state_dict(self, kept: Mapping[str, Any]) -> None:
        """Resume from what `state_dict` gave; ValueError if it was another network's."""
        load_weights(self.classifier.network, kept["state_dict"])
        self.sgd.load_state_dict(kept["optimizer"])
        self.fabric.strategy.precision.load_state_dict(kept["scaler"])

    def answers(self, image_size: int) -> Tensor:
        """How the network answers two made images in one draw, by which code that weights do not say is known."""
        training = self.classifier.training
        answers = self.classifier.eval().answers(image_size)
        self.classifier.train(training)
        return answers

    def train(self, images: LabelledImages, epoch: int, bar: tqdm) -> dict[str, float]:
        """One epoch of descent: `train_loss`, `train_top1` and `images_per_s`.

        Raises
        ------
        ValueError
            If the loss or the weights are no longer finite, or an image or label cannot be used.
        """
        start, recipe, fabric = time.perf_counter(), self.recipe, self.fabric
        bar.set_description(f"epoch {epoch}/{recipe.epochs}")
        for group in self.sgd.param_groups:
            group["lr"] = recipe.lr_in(epoch)
        self.classifier.train()
        order = training_order(len(images), seed=recipe.seed, epoch=epoch)
        sums, seen = torch.zeros(2, dtype=torch.float64, device=fabric.device), 0
        for step, (pixels, labels) in enumerate(self._batches(images, order, "augmentation", epoch)):
            in_batch = min(recipe.batch_size, len(images) - step * recipe.batch_size)
            with keyed_draws(recipe.seed, "noise", epoch, step, fabric.global_rank, device=fabric.device):
                logits = self.model(pixels)
            losses = F.cross_entropy(logits, labels, reduction="sum")
            self.optimizer.zero_grad()
            # Processes average their gradients, although one may have fewer images: this gives the mean over the batch.
            fabric.backward(losses * (fabric.world_size / in_batch))
            self.optimizer.step()
            sums += torch.stack([losses.detach().double(), (label_ranks(logits.detach(), labels) == 0).sum().double()])
            seen += len(labels)
            if bar.update(in_batch):  # it was drawn again, which it is not at each step: reading sums waits for a GPU
                loss, top1 = (sums / seen).tolist()
                bar.set_postfix(loss=f"{loss:.3f}", top1=f"{top1:.1%}", refresh=False)
        if fabric.world_size > 1:
            for buffer in self.classifier.buffers():
                torch.distributed.broadcast(buffer, src=0)
        loss, top1 = self._mean(sums, images)
        finite = all(bool(value.isfinite().all()) for value in self.classifier.state_dict().values())
        if not (math.isfinite(loss) and finite):  # the last step may have spoilt the weights, after a finite loss
            raise ValueError(
                f"training diverges: epoch {epoch} has loss {loss}, its weights are {'' if finite else 'not '}finite; "
                "take a smaller lr and another output_path"
            )
        guessing = math.log(max(2, self.n_classes))
        if loss > _EXPLODED * guessing:
            raise ValueError(
                f"training diverges: epoch {epoch} has loss {loss:.3g}, where guessing has {guessing:.3g}; take a "
                "smaller lr and another output_path"
            )
        rate = len(images) / (time.perf_counter() - start)
        return {"train_loss": loss, "train_top1": top1, "images_per_s": rate}

    @torch.no_grad()
    def validate(self, images: LabelledImages) -> dict[str, float]:
        """Loss and accuracy, each image counted once, in one draw of the noise that belongs to its content."""
        self.classifier.eval()
        sums = torch.zeros(3, dtype=torch.float64, device=self.fabric.device)
        for pixels, labels in self._batches(images, range(len(images)), "validation"):
            contents = contents_of(pixels)
            logits = self.classifier.logits(pixels, contents, draws=1, seed=self.recipe.seed, purpose="validation")[0]
            ranks = label_ranks(logits, labels)
            losses = F.cross_entropy(logits.double(), labels, reduction="sum")
            sums += torch.stack([losses, (ranks < 1).sum().double(), (ranks < 5).sum().double()])
        loss, top1, top5 = self._mean(sums, images)
        known = {"validation_loss": loss, "validation_top1": top1}
        return {**known, "validation_top5": top5} if self.n_classes > 5 else known

    def _mean(self, sums: Tensor, images: LabelledImages) -> list[float]:
        """Sums over each process's images, as means over all."""
        total: Any = self.fabric.all_reduce(sums, reduce_op="sum")
        return (total / len(images)).tolist()

    def _batches(self, images: LabelledImages, order: Sequence[int], *key: object) -> Iterator[tuple[Tensor, Tensor]]:
        rank, processes = self.fabric.global_rank, self.fabric.world_size
        batches = split_by_rank(order, self.recipe.batch_size, rank=rank, processes=processes)
        loaded = loaded_batches(
            images,
            batches,
            key=(self.recipe.seed, *key),
            n_classes=self.n_classes,
            workers=self.workers,
            pinned=self.fabric.device.type == "cuda" and self.workers > 0,  # images in memory may be on the GPU already
        )
        for batch in loaded:
            yield self.fabric.to_device(batch)
