"""`cnntasks visualize`: the verb's options."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from cnntasks import UsageError
from cnntasks_visualize.settings import Method, Settings, parse_place, parse_units

if TYPE_CHECKING:
    from cnntasks_visualize.writing import Job

#: Options that are no settings of the method.
_OTHERS = ("model", "output", "save_array", "style", "device", "offline", "quiet")


@click.command("visualize")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option(
    "--model",
    metavar="NAME|FOLDER",
    help="A classifier, detector or speech model.  [default: classify-lite0]",
)
@click.option(
    "--method",
    type=click.Choice(get_args(Method)),
    default="gradcam",
    show_default=True,
    help="What is shown; see below.",
)
@click.option(
    "--layer",
    metavar="LAYER|list",
    help="Of the network; `list` prints what there is.  [default: the method's]",
)
@click.option(
    "--unit",
    "units",
    metavar="K|A,B|A-B",
    help="Maps of the layer, by number.  [default: those that answer most]",
)
@click.option(
    "--place",
    metavar="center|ROW,COLUMN",
    help="One place in the map.  [default: the strongest; maximize: all of the map]",
)
@click.option(
    "--rule",
    type=click.Choice(["auto", "deconvnet", "guided"]),
    default="auto",
    show_default=True,
    help="How deconvnet goes back through rectifiers; auto: guided without max pooling.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME|NUMBER",
    help="The class to explain or maximize.  [default: the likeliest]",
)
@click.option(
    "--count", type=click.IntRange(1), help="Pictures on a sheet at most.  [default: the method's]"
)
@click.option(
    "--baseline",
    type=click.Choice(["black", "mean"]),
    default="black",
    show_default=True,
    help="Where integrated gradients starts.",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="Of integrated gradients.  [default: up to 128, until 1% is missed]",
)
@click.option(
    "--window",
    type=click.IntRange(1),
    help="Side of the occluding square, in pixels of the network's input.  "
    "[default: an eighth of it]",
)
@click.option(
    "--stride", type=click.IntRange(1), help="Of the occluding square.  [default: half the window]"
)
@click.option(
    "--iterations",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Steps of maximize.",
)
@click.option(
    "--parametrization",
    type=click.Choice(["fourier", "pixels"]),
    default="fourier",
    show_default=True,
    help="What maximize changes.",
)
@click.option(
    "--jitter",
    type=click.IntRange(0),
    help="Random shifts in pixels (with small turns and zooms) that the maximum has to "
    "survive; 0 for none.  [default: 3 for 32 pixels, 8 for 224]",
)
@click.option(
    "--tv",
    "variation",
    type=click.FloatRange(0),
    default=400.0,
    show_default=True,
    help="Weight of the total variation in maximize: smoothness.",
)
@click.option(
    "--decay",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Weight of the distance from grey in maximize.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of everything random."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Picture to write, or a folder.  [default: INPUT.METHOD.visualize.png]",
)
@click.option("--save-array", is_flag=True, help="Write the numbers beside the picture as .npz.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="What is printed.",
)
@click.option(
    "--device", default="auto", show_default=True, help="auto (the cpu), cpu, cuda, cuda:N or mps."
)
@click.option("--offline", is_flag=True, help="Never download anything.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no remarks.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks.")  # fmt: skip
def visualize(inputs: tuple[str, ...], **options: Any) -> None:
    """Show what a network looks at.

    INPUT is what the model's own verb takes: a picture, a folder, a glob, a recording. filters and
    maximize need none; deconvnet with several finds those that a unit answers most.

    \b
    filters               the weights of a layer (the first) as pictures
    activations           the feature maps of a layer
    deconvnet             what of the input made units answer (Zeiler & Fergus 2014)
    gradcam, gradcam++    where a layer (the last) speaks for a class
    guided-backprop       the rectified gradient of a class
    integrated-gradients  what each pixel adds to the score of a class
    occlusion             how far the score falls where a square hides the input
    maximize              the picture that a class, a map or a unit answers most
    """
    from cnntasks_visualize.writing import Job, list_layers, run_job

    others = {name: options.pop(name) for name in _OTHERS}
    units, place = options.pop("units"), options.pop("place")
    listing = options["layer"] == "list"
    settings = Settings(
        units=parse_units(units) if units else (),
        place=parse_place(place) if place else None,
        **{**options, "layer": None if listing else options["layer"]},
    )
    settings.check()
    job: Job = Job(inputs=inputs, settings=settings, **others)
    if listing:
        list_layers(job)
        return
    if not inputs and settings.method not in ("filters", "maximize"):
        raise UsageError(f"no input given; {settings.method} needs one (see --help)")
    run_job(job)
