"""From the name of a network of timm to a `cnntasks.Backbone`.

timm takes networks apart in several ways. Where its extractor is a chain of modules (most
convolutional networks), each stage becomes a part of its own: it can be frozen, trained at its own
rate and left out. Where it is not (networks with hooks or with a `forward_intermediates` of their
own, transformers among them), the network stays whole, see `WholeBackbone`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import timm
import torch
from timm.models import FeatureDictNet
from torch import Tensor, nn

from cnntasks import Backbone, ModelError, Stage, UsageError, read_state

PREFIX = "timm:"
#: Let transformers take pictures of other sizes than they were published for; timm's classes each
#: know one of these options at most.
_ANY_SIZE: tuple[dict[str, Any], ...] = ({"dynamic_img_size": True}, {"strict_img_size": False}, {})


def build(name: str, in_channels: int = 3, weights: str | Path | None = None) -> Backbone:
    """The backbone `timm:NAME`.

    Args:
        name: as `timm.create_model` takes it, with or without a tag: `convnext_atto.d2_in1k`.
        in_channels: of the input; timm spreads the first layer's weights over them.
        weights: None for random ones; `"imagenet"` for the ones that timm publishes under the tag
            (or the first one), which it downloads from the Hugging Face hub; or a file of such
            weights, `.safetensors` or `.pth`, read without running code.

    Raises:
        UsageError: timm has no such network, or it gives no feature maps.
        ModelError: the weights cannot be downloaded or read, or do not fit.
    """
    _check_name(name)
    net = _open(name, in_channels, weights)
    infos = net.feature_info.get_dicts()
    stages = [
        Stage(info["module"].replace(".", "_") or "features", info["num_chs"], info["reduction"])
        for info in infos
    ]
    if len({stage.name for stage in stages}) < len(stages):  # CoaT, CrossViT: parallel branches
        raise UsageError(f"{PREFIX + name} is no backbone: its maps are not those of one chain")
    mean, std = _normalization(net.pretrained_cfg, in_channels)
    groups = _chain(net, [info["module"] for info in infos])
    if groups is None:
        return WholeBackbone(stages, net, mean, std)
    return ChainBackbone(zip(stages, groups, strict=True), mean, std)


def _check_name(name: str) -> None:
    # Other names of timm's (`hf-hub:...`, folders) take a network's description from elsewhere.
    if not name.replace(".", "").replace("_", "").isalnum() or not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), n=3)
        hint = f"did you mean {', '.join(PREFIX + it for it in near)}?" if near else ""
        raise UsageError(
            f"there is no backbone {PREFIX + name!r}: timm {timm.__version__} has no network of "
            f"that name; {hint or 'timm.list_models() lists them'}"
        )


def _open(name: str, in_channels: int, weights: str | Path | None) -> Any:
    """timm's feature extractor, with the weights that were asked for."""
    options: dict[str, Any] = {"in_chans": in_channels, "features_only": True}
    if weights is None:
        return _create(name, weights, options)
    published = {**options, "pretrained": True}
    if str(weights) != "imagenet":
        published["pretrained_cfg_overlay"] = {"state_dict": read_state(Path(weights))}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = _create(name, weights, published)
        torch.manual_seed(0)
        fresh = _create(name, None, options).state_dict()
    # timm says nothing of weights that a file lacks: they are as random as without the file.
    lacking = [
        key
        for key, value in net.state_dict().items()
        if value.ndim > 1 and torch.equal(value, fresh[key]) and bool((value != value.max()).any())
    ]
    if lacking:
        raise ModelError(f"{weights}: these weights do not fit {PREFIX + name} (no {lacking[0]})")
    return net


def _create(name: str, weights: str | Path | None, options: dict[str, Any]) -> Any:
    for more in _ANY_SIZE:
        try:
            return timm.create_model(name, **options, **more)
        except TypeError as error:  # the network has no such option
            if not more or "unexpected keyword" not in str(error):
                raise _refused(name, weights, error) from error
        except Exception as error:  # timm, the hub and torch each have their own
            raise _refused(name, weights, error) from error
    raise AssertionError("the last attempt has no further options")


def _refused(name: str, weights: str | Path | None, error: Exception) -> UsageError | ModelError:
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    if weights is None:
        return UsageError(
            f"{PREFIX + name} is no backbone: timm takes no feature maps from it ({reason})"
        )
    if str(weights) == "imagenet":
        return ModelError(
            f"{PREFIX + name}: its weights cannot be downloaded ({reason}); leave them out "
            "(--weights none), or name a file: --weights FILE"
        )
    return ModelError(f"{weights}: these weights do not fit {PREFIX + name} ({reason})")


def _normalization(published: Any, channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and divisor of the published weights, on the 0..255 scale."""
    mean, std = ([255 * float(it) for it in published[key]] for key in ("mean", "std"))
    if channels == len(mean):
        return tuple(mean), tuple(std)
    return (sum(mean) / len(mean),) * channels, (sum(std) / len(std),) * channels


def _chain(net: nn.Module, ends: Sequence[str]) -> list[nn.Module] | None:
    """The modules of each stage, one after the other; None where the network is no chain."""
    if getattr(net, "output_fmt", "NCHW") != "NCHW" or not _is_chain(net):
        return None
    # The extractor names a module of a sequence `features_3` whose place is `features.3`.
    places = {end: place for place, end in enumerate(end.replace(".", "_") for end in ends)}
    groups: list[list[nn.Module]] = [[] for _ in ends]
    stage = 0
    for name, module in _layers(net):
        if stage == len(ends):
            break
        groups[stage].append(module)
        if name in places:
            if places[name] != stage:
                return None
            stage += 1
    if stage != len(ends):
        return None
    return [group[0] if len(group) == 1 else nn.Sequential(*group) for group in groups]


def _is_chain(net: nn.Module) -> bool:
    if isinstance(net, FeatureDictNet):
        return not net.concat
    # EfficientNet and MobileNetV3 have extractors of their own: a stem, then blocks.
    return [name for name, _ in net.named_children()] == ["conv_stem", "bn1", "blocks"] and getattr(
        net, "feature_hooks", None
    ) is None


def _layers(net: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in net.named_children():
        if name == "blocks" and not isinstance(net, FeatureDictNet):
            for place, block in child.named_children():
                yield f"blocks_{place}", block
        else:
            yield name, child


class ChainBackbone(Backbone):
    """A network whose parts may hand more than their map to the next one (SelecSLS does)."""

    def forward(self, x: Tensor, stages: Sequence[str] | None = None) -> dict[str, Tensor]:
        """See `Backbone.forward`; of several maps of a part the first, as timm has it."""
        found: dict[str, Any] = super().forward(x, stages)
        return {
            name: maps[0] if isinstance(maps, list | tuple) else maps
            for name, maps in found.items()
        }


class WholeBackbone(Backbone):
    """A network that is no chain: whichever stages are asked for, all of it runs.

    Its modules are the first stage's part, and the other stages' parts are empty.

    Args:
        stages: in the order in which the network returns their maps.
        net: picture to a list of maps.
        mean, std: as `Backbone` has them.
    """

    def __init__(
        self, stages: Sequence[Stage], net: nn.Module, mean: Sequence[float], std: Sequence[float]
    ) -> None:
        parts = [net, *(nn.Identity() for _ in stages[1:])]
        super().__init__(zip(stages, parts, strict=True), mean, std)
        self._channels_last = getattr(net, "output_fmt", "NCHW") == "NHWC"

    @property
    def _net(self) -> nn.Module:
        return self.parts[self.stages[0].name]

    def forward(self, x: Tensor, stages: Sequence[str] | None = None) -> dict[str, Tensor]:
        """See `Backbone.forward`."""
        wanted = {self.stage(name).name for name in stages or (self.stages[-1].name,)}
        maps = dict(zip((stage.name for stage in self.stages), self._net(x), strict=True))
        return {
            name: value.permute(0, 3, 1, 2) if self._channels_last else value
            for name, value in maps.items()
            if name in wanted
        }

    def freeze(self, until: str) -> None:
        """Stop the training of every weight on which the maps of the stage `until` depend.

        Raises:
            UsageError: `until` is not a stage of this backbone.
        """
        stage = self.stage(until).name
        weights = [it for it in self.parameters() if it.requires_grad]
        if not weights:
            return
        training = self.training
        side = 8 * max(it.stride for it in self.stages)
        picture = torch.zeros(1, len(self.mean), side, side, device=weights[0].device)
        with torch.enable_grad():
            maps = self.eval()(picture, [stage])[stage]
            found = torch.autograd.grad(maps.sum(), weights, allow_unused=True)
        self.train(training)
        for weight, gradient in zip(weights, found, strict=True):
            if gradient is not None:
                weight.requires_grad_(False)
