"""What is minimised: the losses of one picture against fixed targets, and their gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional

from cnntasks_style.features import FeatureNetwork
from cnntasks_style.losses import gram_matrix, total_variation
from cnntasks_style.tiles import Tile, cut, inner, part_of, window

#: A term of the user's own: (picture 1×3×H×W in 0..1, feature maps by layer) to a scalar.
UserLoss = Callable[[Tensor, dict[str, Tensor]], Tensor]


@dataclass(frozen=True)
class Weights:
    """How much each loss counts.

    Attributes:
        style, content: layer to weight; they are applied to the layer's loss after scaling.
        variation: of `total_variation`.
        scaling: `energy` divides each layer's loss by the energy of its target, so that layers
            of any network count alike; `paper` scales as Gatys et al. 2016, equations 1 and 4.
    """

    style: dict[str, float]
    content: dict[str, float]
    variation: float = 0.0
    scaling: str = "energy"


@dataclass
class Targets:
    """What the picture is to match, at one size.

    Attributes:
        content: layer to the content picture's map, 1×C×H×W.
        style: for each region, layer to Gram matrix per place, C×C.
        regions: for each region, how much each pixel belongs to it, 1×1×H×W in 0..1; None where
            the whole picture is one region.
    """

    content: dict[str, Tensor]
    style: list[dict[str, Tensor]]
    regions: list[Tensor | None] = field(default_factory=lambda: [None])


class Objective:
    """The weighted losses of a picture, with their gradient.

    Args:
        network: gives the maps.
        targets: of the picture's size.
        weights: of the losses.
        extra: a further term of the user's own; it sees the whole picture, so there are no tiles.
        tile: side of the tiles in pixels, 0 for the whole picture at once. Tiles overlap by as
            far as the network sees, and Gram matrices are summed over all of them before any
            gradient: the result is the whole picture's, at half as much work again.
    """

    def __init__(
        self,
        network: FeatureNetwork,
        targets: Targets,
        weights: Weights,
        extra: UserLoss | None = None,
        tile: int = 0,
    ) -> None:
        self.network = network
        self.targets = targets
        self.weights = weights
        self.extra = extra
        self.tile = tile
        self._masks: dict[tuple[int, str], Tensor] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

    @torch.enable_grad()
    def __call__(self, picture: Tensor) -> tuple[dict[str, float], Tensor]:
        """The losses by name (`style`, `content`, `variation`, `extra`, weighted), and the
        gradient of their sum, 1×3×H×W."""
        if not self._sizes:
            self._sizes = self.network.sizes(picture.shape[2], picture.shape[3])
        large = max(picture.shape[2:]) > self.tile > 0
        if large and self.extra is None and self.network.field is not None:
            return self._in_tiles(picture)
        leaf = picture.detach().requires_grad_()
        maps = self.network(leaf)
        terms = {
            "style": self._style(self._grams(maps)),
            "content": self._content(maps),
            "variation": self.weights.variation * total_variation(leaf),
        }
        if self.extra is not None:
            terms["extra"] = self.extra(leaf, maps)
        total = torch.stack([term.reshape(()) for term in terms.values()]).sum()
        (gradient,) = torch.autograd.grad(total, leaf)
        return {name: float(term.detach()) for name, term in terms.items()}, gradient

    def _grams(self, maps: dict[str, Tensor], tile: Tile | None = None) -> list[dict[str, Tensor]]:
        """For each region, each style layer's Gram matrix per place (a tile's share of it)."""
        found: list[dict[str, Tensor]] = []
        for number, region in enumerate(self.targets.regions):
            grams = {}
            for layer in self.weights.style:
                values = maps[layer]
                stride = self.network.stages[layer].stride
                if tile is not None:
                    values = inner(values, tile, stride)
                if region is None:
                    height, width = self._sizes[layer]
                    grams[layer] = gram_matrix(values) / (height * width)
                else:
                    weights = self._region(number, layer)
                    if tile is not None:
                        weights = part_of(weights, tile, stride)
                    grams[layer] = gram_matrix(values, weights.reshape(-1, 1))
            found.append(grams)
        return found

    def _region(self, number: int, layer: str) -> Tensor:
        """How much each place of a layer belongs to a region, H×W, summing to 1."""
        key = (number, layer)
        if key not in self._masks:
            region = self.targets.regions[number]
            assert region is not None
            small = functional.adaptive_avg_pool2d(region, self._sizes[layer])[0, 0]
            self._masks[key] = small / small.sum().clamp_min(1e-12)
        return self._masks[key]

    def _style(self, grams: list[dict[str, Tensor]]) -> Tensor:
        terms = []
        for found, wanted in zip(grams, self.targets.style, strict=True):
            for layer, weight in self.weights.style.items():
                error = (found[layer] - wanted[layer]).square().sum()
                if self.weights.scaling == "energy":
                    error = error / wanted[layer].square().sum().clamp_min(1e-12)
                else:  # equation 4, whose Gram matrices are sums over the M places: 1 / (4 N² M²)
                    error = error / (4 * len(wanted[layer]) ** 2)
                terms.append(weight * error)
        return torch.stack(terms).sum() / len(grams)

    def _content(self, maps: dict[str, Tensor], tile: Tile | None = None) -> Tensor:
        terms = [next(iter(maps.values())).new_zeros(())]
        for layer, weight in self.weights.content.items():
            values, wanted = maps[layer], self.targets.content[layer]
            scale = wanted.square().sum().clamp_min(1e-12)
            if self.weights.scaling != "energy":  # equation 1
                scale = wanted.new_tensor(2.0)
            if tile is not None:
                stride = self.network.stages[layer].stride
                values = inner(values, tile, stride)
                wanted = part_of(wanted, tile, stride)
            terms.append(weight * (values - wanted).square().sum() / scale)
        return torch.stack(terms).sum()

    def _in_tiles(self, picture: Tensor) -> tuple[dict[str, float], Tensor]:
        tiles = list(cut(picture.shape, self.tile, self.network))
        grams: list[dict[str, Tensor]] = []
        with torch.no_grad():
            for tile in tiles:
                maps = self.network(window(picture, tile))
                parts = self._grams(maps, tile)
                if not grams:
                    grams = parts
                    continue
                for total, part in zip(grams, parts, strict=True):
                    for layer, value in part.items():
                        total[layer] = total[layer] + value
        leaves = [{name: g.requires_grad_() for name, g in region.items()} for region in grams]
        style = self._style(leaves)
        flat = [gram for region in leaves for gram in region.values()]
        pulls = torch.autograd.grad(style, flat)
        leaf = picture.detach().requires_grad_()
        variation = self.weights.variation * total_variation(leaf)
        (gradient,) = torch.autograd.grad(variation, leaf)
        gradient = gradient.clone()
        content = 0.0
        for tile in tiles:
            seen = window(picture, tile).detach().requires_grad_()
            maps = self.network(seen)
            parts = self._grams(maps, tile)
            own = self._content(maps, tile)
            outputs = [gram for region in parts for gram in region.values()]
            (found,) = torch.autograd.grad([*outputs, own], seen, [*pulls, torch.ones_like(own)])
            top, left, bottom, right = tile.outer
            gradient[:, :, top:bottom, left:right] += found
            content += float(own.detach())
        losses = {
            "style": float(style.detach()),
            "content": content,
            "variation": float(variation.detach()),
        }
        return losses, gradient
