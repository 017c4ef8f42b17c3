"""`BackboneContract`: what every network must do that other tasks can use as their trunk."""

from __future__ import annotations

from typing import Any, ClassVar

from cnntasks.errors import UsageError
from cnntasks.testing.subject import ContractError, require, violated


class BackboneContract:
    """Subclass it as `Test...` and name the backbone.

    Attributes:
        name: as `--backbone` takes it.
        size: side of the square input; a multiple of the largest stride.
        in_channels: how many input channels it is tried with.
    """

    name: ClassVar[str]
    size: ClassVar[int] = 64
    in_channels: ClassVar[tuple[int, ...]] = (1, 3)

    def make(self, in_channels: int = 3) -> Any:
        """A new one in evaluation mode, with random weights."""
        import torch

        from cnntasks.backbones.registry import create_backbone

        torch.manual_seed(0)
        with violated(f"create_backbone({self.name!r}, in_channels={in_channels}) fails"):
            return create_backbone(self.name, in_channels).eval()

    def pictures(self, channels: int = 3, batch: int = 2) -> Any:
        """B×C×size×size of noise."""
        import torch

        generator = torch.Generator().manual_seed(1)
        return torch.randn(batch, channels, self.size, self.size, generator=generator)

    def test_stages_have_the_shapes_that_they_name(self) -> None:
        """Every stage gives B×channels×H/stride×W/stride, for every number of input channels."""
        for channels in self.in_channels:
            backbone = self.make(channels)
            names = [stage.name for stage in backbone.stages]
            require(names, f"{self.name} has no stages")
            require(len(set(names)) == len(names), f"{self.name}: a stage is there twice: {names}")
            found = backbone(self.pictures(channels), names)
            for stage in backbone.stages:
                shape = tuple(found[stage.name].shape)
                side = self.size / stage.stride
                require(
                    shape[:2] == (2, stage.channels)
                    and all(abs(length - side) < 1 for length in shape[2:]),
                    f"{self.name}: stage {stage.name!r} names {stage.channels} channels and stride "
                    f"{stage.stride}, and gives {shape} for a side of {self.size}",
                )

    def test_only_the_stages_asked_for_come_back(self) -> None:
        """Without names the last one; an unknown name is a `UsageError` that lists the known."""
        backbone = self.make()
        first, last = backbone.stages[0].name, backbone.stages[-1].name
        require(list(backbone(self.pictures())) == [last], f"{self.name}: not the last stage alone")
        found = backbone(self.pictures(), [first])
        require(list(found) == [first], f"{self.name}: asked for {first!r}, gave {list(found)}")
        try:
            backbone(self.pictures(), ["no-such-stage"])
        except UsageError as error:
            require(first in str(error), f"{self.name}: the stages are not listed: {error}")
        else:
            raise ContractError(f"{self.name}: a stage that does not exist is no error")

    def test_pictures_do_not_see_each_other(self) -> None:
        """In evaluation mode a picture has the same maps alone and in a batch."""
        import torch

        backbone, pictures = self.make(), self.pictures()
        last = backbone.stages[-1].name
        with torch.inference_mode():
            together, alone = backbone(pictures)[last][:1], backbone(pictures[:1])[last]
        require(
            torch.allclose(together, alone, rtol=1e-3, atol=1e-4),
            f"{self.name}: the maps of a picture depend on the others of its batch",
        )

    def test_gradients_reach_all_weights_and_freezing_stops_them(self) -> None:
        """`freeze(stage)` leaves everything up to that stage without gradients."""
        backbone = self.make()
        backbone(self.pictures())[backbone.stages[-1].name].square().mean().backward()
        without = [
            name for name, it in backbone.named_parameters() if it.requires_grad and it.grad is None
        ]
        require(not without, f"{self.name}: no gradient reaches {', '.join(without[:3])}")
        backbone.freeze(backbone.stages[0].name)
        first = next(iter(backbone.parameters()), None)
        require(first is None or not first.requires_grad, f"{self.name}: freeze() freezes nothing")

    def test_it_exports(self) -> None:
        """The last stage exports to ONNX and agrees with torch."""
        import numpy as np
        import torch

        from cnntasks.task import GraphSpec
        from cnntasks.training.export import export_graph

        class Last(torch.nn.Module):
            def __init__(self, backbone: Any) -> None:
                super().__init__()
                self.backbone = backbone

            def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
                return {"maps": self.backbone(x)[self.backbone.stages[-1].name]}

        network = Last(self.make()).eval()
        feeds = {"x": self.pictures().numpy()}
        with violated(f"{self.name}: its graph cannot be made"):
            graph = export_graph(network, GraphSpec(feeds, {"x": {0: "batch"}}, ("maps",)))
        import onnxruntime

        session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
        [found] = session.run(None, feeds)
        with torch.inference_mode():
            expected = network(torch.from_numpy(feeds["x"]))["maps"].numpy()
        scale = max(1.0, float(np.abs(expected).max()))
        require(
            np.abs(found - expected).max() <= 1e-3 * scale,
            f"{self.name}: ONNX Runtime and torch differ by {np.abs(found - expected).max():.2g}",
        )
