"""`cnntasks features`: the options of the verb and of `cnntasks features compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from cnntasks import UsageError
from cnntasks_features.settings import Method, Settings, parse_wavelengths

_PATH = click.Path(path_type=Path)
#: Options that are no settings of the method.
_OTHERS = ("output", "save_array", "style", "offline")


class FeaturesGroup(click.Group):
    """Takes a picture where another group takes a subcommand: only `compare` is one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Anything but `compare` is meant for the verb itself."""
        if args[:1] != ["compare"]:
            args = ["extract", *args]
        return super().parse_args(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """`compare`, or the verb itself whatever the word is."""
        return compare if cmd_name == "compare" else extract

    def list_commands(self, ctx: click.Context) -> list[str]:
        """What can be completed."""
        return ["compare"]


class VerbItself(click.Command):
    """Shows itself as `cnntasks features`, without the name that the group gave it."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """As if it stood in the place of its group."""
        if parent is not None:
            info_name, parent = parent.info_name, parent.parent
        return super().make_context(info_name, args, parent, **extra)


@click.group("features", cls=FeaturesGroup)
def features() -> None:
    """Features of pictures made by hand, and against learned ones."""


@click.command("extract", cls=VerbItself)
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="sobel",
    show_default=True,
    help="Which features; see below.",
)
@click.option(
    "--size",
    type=click.IntRange(16, 8192),
    default=640,
    show_default=True,
    help="Larger pictures are shrunk to that many pixels on the longer side.",
)
@click.option(
    "--sigma",
    type=click.FloatRange(0, 64),
    help="Of the Gaussian before laplacian and canny.  [default: 1.4 and 2]",
)
@click.option(
    "--low",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Canny: where an edge may go on.",
)
@click.option(
    "--high",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Canny: where an edge may begin.",
)
@click.option(
    "--orientations",
    type=click.IntRange(2, 36),
    help="Directions of hog and gabor.  [default: 9 and 8]",
)
@click.option(
    "--cell",
    type=click.IntRange(2, 256),
    default=8,
    show_default=True,
    help="Side of a cell of hog in pixels.",
)
@click.option(
    "--wavelengths",
    metavar="X,Y,...",
    default="4,8,16",
    show_default=True,
    help="Of gabor, in pixels.",
)
@click.option(
    "--radius",
    type=click.FloatRange(0.5, 32),
    default=1.0,
    show_default=True,
    help="Of the circle of lbp in pixels.",
)
@click.option(
    "--points",
    type=click.IntRange(4, 64),
    default=8,
    show_default=True,
    help="Places on the circle of lbp.",
)
@click.option("--match", type=_PATH, metavar="OTHER", help="With sift: match keypoints with OTHER.")
@click.option(
    "--output",
    "-o",
    type=_PATH,
    help="Picture to write, or a folder.  [default: INPUT.METHOD.features.png]",
)
@click.option("--save-array", is_flag=True, help="Write the features beside the picture as .npz.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What is printed.",
)
@click.option("--offline", is_flag=True, help="Never download anything.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")  # fmt: skip
def extract(inputs: tuple[str, ...], wavelengths: str, **options: Any) -> None:
    """Extract features made by hand from pictures, and draw them.

    INPUT is a picture, a folder, a glob, an http(s) address, @list.txt or - (standard input).
    `cnntasks features compare DATA` trains classifiers on such features and on learned ones.

    \b
    sobel, prewitt, scharr   eight compass masks, run as a convolution layer; the gradient
    robinson, kirsch         eight compass masks; the strongest answer
    laplacian                second derivative of the smoothed picture, its changes of sign
    canny                    thin edges
    gabor                    waves of several lengths and directions
    hog                      histograms of oriented gradients, with the picture of the cells
    sift                     keypoints; with --match OTHER those that two pictures share
    lbp                      local binary patterns and their histogram
    """
    from cnntasks_features.writing import Job, run_job

    if not inputs:
        raise UsageError("no pictures given; name files or folders, or see --help")
    others = {name: options.pop(name) for name in _OTHERS}
    settings = Settings(wavelengths=parse_wavelengths(wavelengths), **options)
    run_job(Job(inputs=inputs, settings=settings, **others))


@features.command("compare")
@click.argument("data", metavar="DATA")
@click.option(
    "--backbone",
    default="lenet5",
    show_default=True,
    help="The network; `cnntasks backbones` lists them.",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=10,
    show_default=True,
    help="Of the network: passes over the training part.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0, min_open=True),
    help="Its peak learning rate.  [default: 0.005 for lenet5, else the task's]",
)
@click.option(
    "--train-limit",
    type=click.IntRange(2),
    metavar="N",
    help="Learn from N pictures at most, as many of each class as can be.",
)
@click.option(
    "--test-limit", type=click.IntRange(1), metavar="N", help="Measure on N pictures at most."
)
@click.option(
    "--side",
    type=click.IntRange(16, 512),
    help="Side of the square that hog and raw pixels see.  [default: that of small "
    "pictures, else 64]",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything random."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("features-compare"),
    show_default=True,
    help="Folder for compare.png, results.json and the network's model.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What is printed.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Of the network: auto, cpu, cuda, cuda:N or mps.",
)
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")  # fmt: skip
def compare(data: str, **options: Any) -> None:
    """Compare features made by hand with learned ones on the data set DATA.

    Three classifiers learn from the same pictures and are measured on the same others: raw pixels
    and a linear SVM, HOG and a linear SVM, and a convolutional network. Accuracy, time and size go
    side by side into a table and a picture.

    DATA is what `cnntasks train classify` takes: MNIST-style IDX files, a folder per class, CSV,
    CIFAR. Its test split is measured on, or val; without either a quarter of each class.
    """
    from cnntasks_features.comparison import Plan, run_comparison

    run_comparison(Plan(data=Path(data), **options))
