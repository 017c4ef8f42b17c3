"""A model of any task opened as a torch network that gradients flow through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.engines.base import choose_engine
from cnntasks.errors import CnntasksError, ModelError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.weights import WEIGHTS_FILE
from cnntasks.pipeline import make_predictor
from cnntasks.plugins import get_task
from cnntasks.task import Source, import_attribute

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from cnntasks.engines.base import Arrays


@dataclass(frozen=True, slots=True)
class OpenNetwork:
    """A model with everything that is needed to look into its network.

    Attributes:
        card: of the model; `card.task` is the task that it belongs to.
        network: the task's torch module with the model's weights, in evaluation mode; its
            parameters take no gradient. `network(**feeds)` returns a dict of tensors.
        predictor: the task's own: `decode(source)`, `preprocess(item)`, `postprocess(...)`.
        device: where the network is.
    """

    card: ModelCard
    network: nn.Module
    predictor: Any
    device: torch.device

    def feeds(self, items: Sequence[Any]) -> dict[str, Tensor]:
        """What the network takes for a batch of decoded items, on its device.

        Whole numbers of eight bits (pixels) become float32 of the same values, 0..255, so that a
        gradient can flow to them: let the wanted tensor require it. Other types stay.

        Args:
            items: from `predictor.decode`; of equal shape, unless the predictor collates. Of an
                item that goes through the network in pieces the first one is taken.
        """
        return self.joined([next(self.pieces(item)) for item in items])

    def pieces(self, item: Any) -> Iterator[Arrays]:
        """The arrays of each piece of a decoded item, lazily; one, unless the predictor cuts it."""
        if hasattr(self.predictor, "pieces"):
            yield from self.predictor.pieces(item)
        else:
            yield self.predictor.preprocess(item)

    def joined(self, prepared: Sequence[Arrays]) -> dict[str, Tensor]:
        """Arrays of several inputs, from `pieces`, as the feeds of a batch; see `feeds`."""
        import numpy as np
        import torch

        collate = getattr(self.predictor, "collate", None)
        if collate is not None:
            joined = collate(prepared)
        else:
            joined = {name: np.stack([feed[name] for feed in prepared]) for name in prepared[0]}
        tensors = {}
        for name, value in joined.items():
            tensor = torch.from_numpy(np.array(value))
            tensors[name] = (tensor.float() if tensor.dtype == torch.uint8 else tensor).to(
                self.device
            )
        return tensors

    def decode(self, source: Source) -> Any:
        """Read one input by the task's own predictor; raises InputError."""
        return self.predictor.decode(source)


def open_network(folder: Path, *, device: str = "auto", **options: Any) -> OpenNetwork:
    """Open the model in `folder`, of whatever task, for work with gradients.

    A plugin of its own verb gets the folder from `cnntasks.find_model(verb, name)`, which takes
    the models of every task that the verb's `accepts` names.

    Args:
        folder: a model folder.
        device: `auto` (the CPU), `cpu`, `cuda`, `cuda:N` or `mps`.
        options: of the task's predictor.

    Raises:
        ModelError: gradients cannot be had, as the model has a graph only, or as nothing here
            knows how to build its network; the message says what is needed.
        DeviceError: the device is not on this machine.
    """
    card = read_card(folder)
    try:
        spec = get_task(card.task)
    except CnntasksError as error:
        raise ModelError(
            f"{card.name}: is a model for `cnntasks {card.task}`, and gradients need the torch "
            f"network of that task: {error}"
        ) from error
    if spec.network is None:
        raise ModelError(
            f"{card.name}: gradients need a torch network, and the plugin of {card.task!r} "
            "registers none (TaskSpec.network); the graph alone can only predict"
        )
    if not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(
            f"{folder}: gradients need the network's weights, and this model has a graph without "
            f"{WEIGHTS_FILE}; train it or pull it again"
        )
    predictor = make_predictor(spec, card, folder, options)
    from cnntasks.engines.torch import load_weights, open_device

    place = open_device(choose_engine("torch", device).device)
    network: nn.Module = import_attribute(spec.network)(card)
    load_weights(network, folder / WEIGHTS_FILE)
    network = network.to(place).eval().requires_grad_(False)
    return OpenNetwork(card, network, predictor, place)
