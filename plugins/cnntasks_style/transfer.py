"""`StyleTransfer`: what `cnntasks.load("style")` returns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cnntasks import (
    Backbone,
    EngineChoice,
    ModelCard,
    ModelError,
    UsageError,
    create_backbone,
    keep_memory,
    open_device,
    read_weights,
)
from cnntasks_style.color import finish, prepare
from cnntasks_style.cost import Cost, measure_cost
from cnntasks_style.defaults import Method, defaults_for
from cnntasks_style.features import FeatureNetwork, check_layers
from cnntasks_style.masks import pair_regions, read_mask
from cnntasks_style.memory import estimate
from cnntasks_style.objective import Objective, UserLoss, Weights
from cnntasks_style.optimization import minimize
from cnntasks_style.pictures import SMALLEST_SIDE, Picture, read_picture, result_size, scaled_size
from cnntasks_style.scales import plan_sizes, share_iterations
from cnntasks_style.settings import StyleSettings
from cnntasks_style.targets import Regions, make_targets, to_tensor
from cnntasks_style.writing import to_bytes

Values = NDArray[np.float32]


@dataclass(frozen=True)
class Step:
    """One iteration.

    Attributes:
        iteration: its number over all sizes, from 1.
        total: how many there will be.
        scale_size: width and height that it worked at.
        losses: by name, weighted, as they were before this iteration's step.
        picture: gives the picture as it is now, H×W×3 in 0..1.
    """

    iteration: int
    total: int
    scale_size: tuple[int, int]
    losses: dict[str, float]
    picture: Callable[[], Values]


@dataclass(frozen=True)
class Plan:
    """What a transfer will do.

    Attributes:
        sizes: width and height, the smallest first.
        iterations: at each of them.
        bytes: of memory at the peak, about.
        seconds: about, as the machine was when it was measured.
    """

    sizes: list[tuple[int, int]]
    iterations: list[int]
    bytes: int
    seconds: float | None


@dataclass(frozen=True)
class StyleResult:
    """A finished picture.

    Attributes:
        picture: H×W×3 RGB `uint8`.
        picture_float: the same before rounding, `float32` in 0..1.
        trace: for every iteration its number, size and losses.
        settings: all that determined it.
    """

    picture: NDArray[np.uint8]
    picture_float: Values
    trace: list[dict[str, Any]]
    settings: StyleSettings


class StyleTransfer:
    """Paints pictures in the style of others.

    Args:
        card: of the model, its defaults complete.
        make_backbone: the network with its weights, made anew for each set of layers.
        device: where it runs.
        settings: what calls do unless they say otherwise.
    """

    def __init__(
        self,
        card: ModelCard,
        make_backbone: Callable[[], Backbone],
        device: torch.device,
        settings: StyleSettings,
    ) -> None:
        self.card = card
        self.device = device
        self.settings = settings
        self.method = Method.of(card.defaults, card.name)
        self._make_backbone = make_backbone
        self._networks: dict[tuple[str, ...], FeatureNetwork] = {}
        self._costs: dict[tuple[str, ...], Cost] = {}

    def __call__(self, content: Any, style: Any, **options: Any) -> StyleResult:
        """Paint `content` in the style of `style`; arguments and errors as for `iterate`."""
        trace: list[dict[str, Any]] = []
        step = None
        for step in self.iterate(content, style, **options):
            trace.append(
                {"iteration": step.iteration, "scale": list(step.scale_size), "losses": step.losses}
            )
        assert step is not None
        values = step.picture()
        return StyleResult(to_bytes(values), values, trace, self._filled(options))

    def iterate(
        self,
        content: Any,
        style: Any,
        *,
        content_masks: Sequence[Any] | None = None,
        style_masks: Sequence[Any] | None = None,
        loss: UserLoss | None = None,
        **changes: Any,
    ) -> Iterator[Step]:
        """Optimise, yielding after every iteration; the generator may be left at any time.

        Args:
            content: a path, encoded bytes, a Pillow picture or an array (H×W×3, `uint8`, or floats
                in 0..1).
            style: likewise, or a list of several.
            content_masks, style_masks: see `masks`; anything that is read as a picture.
            loss: a further term, called with the picture (1×3×H×W in 0..1, the size of the scale)
                and its feature maps by layer; it returns a scalar tensor. With it there are no
                tiles, so that large pictures take more memory.
            changes: settings, see `StyleSettings`.

        Raises:
            InputError: a picture or a mask cannot be used.
            UsageError: a setting is out of its range, or there is no such layer.
        """
        settings = self._filled(changes)
        picture = read_picture(content)
        styles = [read_picture(it) for it in (style if isinstance(style, list) else [style])]
        if not styles:
            raise UsageError("no style picture given; name one")
        places = pair_regions(
            len(content_masks or ()),
            len(style_masks or ()),
            len(styles),
            blended=settings.style_blend is not None,
        )
        regions = Regions(
            [read_mask(it, picture) for it in content_masks or ()],
            [
                read_mask(it, styles[place])
                for it, place in zip(style_masks or (), places, strict=False)
            ],
            places,
            settings.blend(len(styles)) if not places else (),
        )
        size = result_size(picture, settings.size)
        for it in styles:
            result_size(it, settings.size, settings.style_scale)
        return self._steps(picture.resized(*size), styles, regions, settings, loss)

    def plan(
        self, width: int, height: int, styles: Sequence[tuple[int, int]], settings: StyleSettings
    ) -> Plan:
        """What a transfer to a picture of that size will do.

        Args:
            width, height: of the result.
            styles: width and height of the style pictures.
            settings: filled.

        Raises:
            UsageError: there is no such layer; the message lists those there are.
        """
        sizes = plan_sizes(width, height, self.method)
        iterations = share_iterations(settings.iterations or 0, len(sizes))
        cost = self._cost(settings)
        largest = max(
            [width * height]
            + [w * h for w, h in (self._style_size(it, settings.size, settings) for it in styles)]
        )
        found = estimate(
            sizes,
            iterations,
            bytes_per_pixel=0,
            seconds_per_megapixel_iteration=cost.seconds * (1.5 if cost.tile(largest) else 1),
        )
        return Plan(sizes, iterations, cost.peak(largest), found.seconds)

    def _steps(
        self,
        content: Picture,
        styles: list[Picture],
        regions: Regions,
        settings: StyleSettings,
        loss: UserLoss | None,
    ) -> Iterator[Step]:
        keep_memory()
        network = self.network(settings)
        sizes = plan_sizes(*content.size, self.method)
        iterations = share_iterations(settings.iterations or 0, len(sizes))
        weights = self._weights(settings)
        number = 0
        before: tuple[Values, Values] | None = None  # the picture and the content, a size smaller
        for (width, height), count in zip(sizes, iterations, strict=True):
            if count == 0:  # it would but lose what the start has of detail
                continue
            at_scale = content.resized(width, height)
            sized = [
                it.resized(*self._style_size(it.size, max(width, height), settings))
                for it in styles
            ]
            values, style_values = prepare(
                at_scale.values, [it.values for it in sized], settings.preserve_color
            )
            tensors = [to_tensor(it, self.device) for it in style_values]
            wanted = to_tensor(values, self.device)
            if self.method.normalize:
                network.normalize([wanted, *tensors])
            tile_for = self._cost(settings).tile
            targets = make_targets(network, wanted, tensors, regions, weights, tile_for)
            if before is None:
                start = _start(values, style_values[0], settings)
            else:
                start = _refined(*before, values)
            optimised = to_tensor(start, self.device).clone()
            tile = tile_for(width * height)
            objective = Objective(network, targets, weights, loss, tile)

            def picture(optimised: Tensor = optimised, shown: Picture = at_scale) -> Values:
                found = np.clip(_values(optimised), 0, 1)
                return finish(found, shown.values, settings.preserve_color)

            method = settings.optimizer or "lbfgs"
            for losses in minimize(objective, optimised, count, method, 5 if tile else 10):
                number += 1
                yield Step(number, sum(iterations), (width, height), losses, picture)
            before = _values(optimised), values

    def network(self, settings: StyleSettings) -> FeatureNetwork:
        """The feature network for the layers that settings name."""
        layers = (*(settings.style_layers or ()), *(settings.content_layers or ()))
        if layers not in self._networks:
            backbone = self._make_backbone()
            check_layers(backbone, settings.style_layers or (), "--style-layers")
            check_layers(backbone, settings.content_layers or (), "--content-layers")
            network = FeatureNetwork(backbone, layers, self.method.pooling)
            self._networks[layers] = network.to(self.device)
        return self._networks[layers]

    def _cost(self, settings: StyleSettings) -> Cost:
        network = self.network(settings)
        if network.layers not in self._costs:
            self._costs[network.layers] = measure_cost(network, self.device)
        return self._costs[network.layers]

    def _weights(self, settings: StyleSettings) -> Weights:
        layers = settings.style_layers or ()
        parts = settings.layer_weights or (1 / len(layers),) * len(layers)
        content = settings.content_layers or ()
        style_weight, content_weight = settings.style_weight or 0, settings.content_weight or 0
        return Weights(
            style={layer: style_weight * part for layer, part in zip(layers, parts, strict=True)},
            content={layer: content_weight / len(content) for layer in content},
            variation=settings.tv_weight or 0,
            scaling=self.method.scaling,
        )

    def _filled(self, changes: dict[str, Any]) -> StyleSettings:
        settings = {
            key: value
            for key, value in changes.items()
            if key not in ("content_masks", "style_masks", "loss")
        }
        return self.settings.changed(**settings).filled(self.card.defaults, self.card.name)

    def _style_size(
        self, size: tuple[int, int], side: int, settings: StyleSettings
    ) -> tuple[int, int]:
        width, height = scaled_size(*size, side * settings.style_scale)
        return max(width, SMALLEST_SIDE), max(height, SMALLEST_SIDE)


def open_transfer(
    card: ModelCard, folder: Path, choice: EngineChoice, **options: Any
) -> StyleTransfer:
    """Open a model for style transfer; see `cnntasks.load`.

    Args:
        card, folder: of a style model, or of a classifier whose backbone is looked through.
        choice: of the device; the precision is `float32`.
        options: settings, see `StyleSettings`.

    Raises:
        UsageError: another precision, or an unknown setting.
        ModelError: the model has no backbone, or its weights do not fit.
    """
    if choice.precision != "float32":
        raise UsageError(f"style runs in float32 only; leave {choice.precision} out")
    name = card.network.get("backbone")
    if not isinstance(name, str):
        raise ModelError(f"{card.name}: its card names no backbone to look through")
    if len(card.preprocessing.get("mean", (0, 0, 0))) != 3:
        raise ModelError(f"{card.name}: looks at grey pictures; style needs a model for colours")
    stages = create_backbone(name).stages
    weights = backbone_weights(read_weights(folder), card.name)

    def make() -> Backbone:
        backbone = create_backbone(name)
        try:
            backbone.load_state_dict(weights)
        except RuntimeError as error:
            line = " ".join(str(error).split())[:200]
            raise ModelError(f"{folder}: weights that do not fit {name} ({line})") from error
        return backbone

    card = replace(card, defaults={**defaults_for(name, stages), **_own(card)})
    return StyleTransfer(card, make, open_device(choice.device), StyleSettings.from_dict(options))


def _own(card: ModelCard) -> dict[str, Any]:
    """A classifier's defaults (`top`, `threshold`) are none of ours."""
    return card.defaults if card.task == "style" else {}


def backbone_weights(weights: dict[str, Any], name: str) -> dict[str, Tensor]:
    """A backbone's part of a model's weights, under the backbone's own names.

    Raises:
        ModelError: there is none.
    """
    found = {
        key.partition("backbone.")[2]: torch.from_numpy(value)
        for key, value in weights.items()
        if "backbone." in key
    }
    if not found:
        raise ModelError(f"{name}: its weights have no backbone")
    return found


def _start(content: Values, style: Values, settings: StyleSettings) -> Values:
    """What the optimisation starts from, of the content's size."""
    height, width = content.shape[:2]
    if settings.init == "noise":
        return np.random.default_rng(settings.seed).random((height, width, 3), np.float32)
    return _resized(style, width, height) if settings.init == "style" else content


def _refined(picture: Values, content: Values, finer: Values) -> Values:
    """The picture at the size of `finer`, with the details that the content has there.

    Args:
        picture: of the smaller size.
        content: the content at that size.
        finer: the content at the next one.

    Enlarged alone it would be blurred, and the first iterations would go into mending that.
    """
    height, width = finer.shape[:2]
    return _resized(picture, width, height) + finer - _resized(content, width, height)


def _resized(values: Values, width: int, height: int) -> Values:
    tensor = torch.from_numpy(values).permute(2, 0, 1)[None]
    size = (height, width)
    resized = functional.interpolate(tensor, size=size, mode="bicubic", antialias=True)
    return resized[0].permute(1, 2, 0).numpy()


def _values(picture: Tensor) -> Values:
    """1×3×H×W to H×W×3."""
    return picture.detach()[0].permute(1, 2, 0).cpu().numpy().copy()
