"""The shape of a detector: what its card records, and what `--backbone NAME` builds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from cnntasks import ModelError, UsageError, create_backbone


@dataclass(frozen=True, slots=True)
class Settings:
    """The shape of a detector; everything here is recorded in its card.

    Attributes:
        backbone: its registered name.
        levels: backbone stages that feed the region proposal network, fine to coarse.
        pyramid: channels of the feature pyramid; 0 for none (one level then, as in the paper).
        pyramid_norm: batch normalisation inside the pyramid.
        anchor_sizes: per level (the extra pooled one of a pyramid included), in pixels.
        anchor_ratios: height over width.
        rpn_depth: 3×3 convolutions before the two outputs of the proposal network.
        rpn_candidates: best anchors per level that enter suppression.
        rpn_overlap: intersection over union above which a proposal is suppressed.
        rpn_threshold: lowest objectness of a proposal, 0..1.
        proposals: regions per picture that the box head sees.
        roi_size: side of the aligned region, in cells.
        head: widths of the fully connected layers.
        head_convolutions: 3×3 convolutions (256 channels) before them.
        shared_boxes: one box regression for all classes instead of one for each.
        detections: candidates per picture that leave the network.
        objectness: how much the proposal network's opinion counts in a score: the class probability
            is multiplied by that of an object, to this power; 0 for not at all, as in the paper.
        norm_epsilon: where the backbone's batch normalisation must not use its own.
        fitted_anchors: on each level space anchors by input size // map size, as torchvision
            does, instead of by the level's stride; the two differ on the pooled level of a
            pyramid where the map before it has an odd side.
    """

    backbone: str
    levels: tuple[str, ...]
    pyramid: int
    anchor_sizes: tuple[tuple[float, ...], ...]
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    pyramid_norm: bool = False
    rpn_depth: int = 1
    rpn_candidates: int = 256
    rpn_overlap: float = 0.7
    rpn_threshold: float = 0.0
    proposals: int = 100
    roi_size: int = 7
    head: tuple[int, ...] = (512, 512)
    head_convolutions: int = 0
    shared_boxes: bool = True
    detections: int = 300
    objectness: float = 0.0
    norm_epsilon: float | None = None
    fitted_anchors: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, for a card's `network`."""
        return {"name": "faster_rcnn", **asdict(self)}

    @classmethod
    def from_dict(cls, network: dict[str, Any]) -> Settings:
        """Read a card's `network`.

        Raises:
            ModelError: it is not a `faster_rcnn`, or a setting is unknown or missing.
        """
        if network.get("name") != "faster_rcnn":
            raise ModelError(f"network {network.get('name')!r} is not one that detect knows")
        values = {key: value for key, value in network.items() if key != "name"}
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ModelError(
                f"the card's network has unknown settings: {', '.join(sorted(unknown))}"
            )
        for key in ("levels", "anchor_ratios", "head"):
            if key in values:
                values[key] = tuple(values[key])
        if "anchor_sizes" in values:
            values["anchor_sizes"] = tuple(tuple(sizes) for sizes in values["anchor_sizes"])
        try:
            return cls(**values)
        except TypeError as error:
            raise ModelError(f"the card's network is incomplete ({error})") from error


def default_settings(backbone: str) -> Settings:
    """The detector that `--backbone NAME` builds.

    A VGG gives the paper's own form: one level (the last convolution, stride 16), anchors of 128,
    256 and 512 pixels, two fully connected layers of 4096. Every other backbone gets a pyramid on
    its last stages of stride 8, 16 and 32 and one pooled level of stride 64.

    Raises:
        UsageError: there is no such backbone, or none of its stages is coarse enough (LeNet-5,
            networks for text).
    """
    # Only its stages are read. Not on the meta device: that draws no random numbers, and those of
    # the same generator that come next, a detector's initial weights, would be others than before.
    net = create_backbone(backbone)
    if net.stages[-1].stride < 16:
        raise UsageError(f"{backbone}: a detector needs a backbone with a stage of stride 16 or 32")
    if backbone.startswith("vgg"):
        last = [stage.name for stage in net.stages if stage.stride == 16 and "conv" in stage.name]
        return Settings(
            backbone,
            levels=(last[-1],),
            pyramid=0,
            anchor_sizes=((128.0, 256.0, 512.0),),
            rpn_candidates=6000,
            proposals=300,
            head=(4096, 4096),
            shared_boxes=False,
        )
    levels = []
    for stride in (8, 16, 32):
        stages = [s.name for s in net.stages if s.stride == stride and s.name != "head"]
        if stages:
            levels.append(stages[-1])
    sizes = ((16.0, 26.0), (40.0, 64.0), (96.0, 144.0), (200.0, 288.0))
    return Settings(
        backbone,
        tuple(levels),
        pyramid=96,
        anchor_sizes=sizes[-len(levels) - 1 :],
        proposals=200,
        objectness=0.5,
    )
