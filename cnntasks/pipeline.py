"""A task with a model, made ready to predict: what `cnntasks.load` and the verbs use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from cnntasks.engines.base import Engine, EngineChoice, choose_engine
from cnntasks.errors import PluginError, UsageError
from cnntasks.models.card import ModelCard, read_card
from cnntasks.models.folder import graph_path
from cnntasks.models.store import resolve_model
from cnntasks.models.weights import WEIGHTS_FILE
from cnntasks.pieces import PieceRunner, follow_pieces
from cnntasks.plugins import get_task, model_entries
from cnntasks.running import Runner
from cnntasks.task import Outcome, Source, TaskSpec, import_attribute


class Pipeline:
    """A task with a model, ready to predict; what `cnntasks.load` returns.

    Args:
        card: of the model.
        predictor: the task's, made for the card.
        engine: runs the network.
        batch_size: inputs that run together, of equal shape unless the predictor collates them;
            what the predictor names (else 1) when None. An engine that runs several single inputs
            at once does that instead, unless the predictor collates.
    """

    def __init__(
        self, card: ModelCard, predictor: Any, engine: Engine, batch_size: int | None = None
    ) -> None:
        self.card = card
        self.predictor = predictor
        self.engine = engine
        own: int = getattr(predictor, "batch_size", 1)
        self.batch_size = batch_size or own

    @property
    def together(self) -> int:
        """How many results come at once: a batch; inputs in pieces are answered one by one."""
        return 1 if hasattr(self.predictor, "pieces") else self.batch_size

    def __call__(self, value: Any) -> Any:
        """Predict for one value, or for a list of them.

        Args:
            value: a path, URL, bytes, array, Pillow picture, or a list of these; a folder, a
                glob or `@list.txt` stands for any number of files. A predictor may take others
                (a text).

        Returns:
            One result for one value, a list for a list, a folder, a glob or `@list.txt`.

        Raises:
            InputError: an input cannot be used; the message names it.
        """
        results = []
        for outcome in self.stream(value):
            if outcome.error is not None:
                raise outcome.error
            results.append(outcome.result)
        return results if self._stands_for_many(value) else results[0]

    def stream(self, values: Any) -> Iterator[Outcome[Any]]:
        """Predict for many values, one outcome each, in their order; errors are outcomes too."""
        own = getattr(self.predictor, "sources_from_values", None)
        if own is not None:
            return self.run(own(values))
        from cnntasks.media.sources import sources_from_values

        own_values = getattr(self.predictor, "is_input", None)
        noun = getattr(self.predictor, "noun", "pictures")
        suffixes = self.predictor.suffixes
        return self.run(
            sources_from_values(values, suffixes=suffixes, noun=noun, is_input=own_values)
        )

    def _stands_for_many(self, value: Any) -> bool:
        from cnntasks.media.sources import stands_for_many

        is_input = getattr(self.predictor, "is_input", None)
        if is_input is not None and is_input(value):
            return False
        decide = getattr(self.predictor, "stands_for_many", stands_for_many)
        return bool(decide(value))

    def run(self, sources: Iterable[Source]) -> Iterator[Outcome[Any]]:
        """Predict for sources, one outcome each, in their order."""
        if hasattr(self.predictor, "pieces"):
            return PieceRunner(self.predictor, self.engine, self.batch_size).run(sources)
        return Runner(self.predictor, self.engine, self.batch_size).run(sources)

    def follow(self, item: Any) -> Iterator[dict[str, Any]]:
        """The network's outputs for each piece of what `predictor.decode` returned.

        Each comes before the next piece is asked for, so that an input which is still going on (a
        microphone) is answered as it goes; for predictors with `pieces`.

        Raises:
            CnntasksError: a piece cannot be made or run.
        """
        return follow_pieces(self.predictor, self.engine, item)


def load(
    task: str,
    model: str | Path | None = None,
    *,
    device: str = "auto",
    engine: str = "auto",
    precision: str = "float32",
    batch_size: int | None = None,
    offline: bool = False,
    many: bool = False,
    **options: Any,
) -> Any:
    """Make a task ready: a `Pipeline`, or what the task's own opener returns.

    Args:
        task: the verb, `"detect"` for example.
        model: a model's name or folder; the task's default when None.
        device: `auto` (the CPU), `cpu`, `cuda`, `cuda:N` or `mps`.
        engine: `auto`, `onnx` or `torch`; a task with an opener always runs in torch.
        precision: `float32`, or on a GPU `float16` or `bfloat16`.
        batch_size: inputs that go through the network together; the task's own when None, and 1
            for a task with an opener.
        offline: never download a model.
        many: many inputs will come: on a CPU run them side by side, one core each.
        options: the predictor's or opener's own, such as `threshold`.

    Raises:
        UsageError: no such task, or options that do not exist or contradict each other.
        ModelError: the model cannot be found, downloaded or opened.
        DeviceError: the device is not on this machine.
    """
    spec = get_task(task)
    if spec.opener is not None:
        choice = choose_engine(_gradients_engine(task, engine, batch_size), device, precision)
        folder = find_model(task, model, offline=offline)
        return open_task(spec, folder, choice, options=options)
    if spec.predictor is None:
        raise PluginError(f"{task}: there is nothing to load; it is a command: `cnntasks {task}`")
    choice = choose_engine(engine, device, precision)
    folder = find_model(task, model, offline=offline)
    return open_pipeline(spec, folder, choice, batch_size=batch_size, many=many, options=options)


def _gradients_engine(task: str, engine: str, batch_size: int | None) -> str:
    """The engine of a task with an opener, which is torch."""
    if engine == "onnx":
        raise UsageError(f"{task} runs in torch only; use --engine torch, or leave --engine out")
    if batch_size not in (None, 1):
        raise UsageError(f"{task} works on one input at a time; leave the batch size at 1")
    return "torch" if engine == "auto" else engine


def find_model(task: str, model: str | Path | None = None, *, offline: bool = False) -> Path:
    """The model folder that a name, a folder, or None (the task's default) means.

    A published model that is not here is downloaded; how large it is, its licence and its
    progress are shown on standard error.

    Raises:
        UsageError: there is no such task, or no model was named and the task has no default.
        ModelError: no such model, a model of another task, or its download failed.
    """
    from cnntasks.output.downloads import PullDisplay

    spec = get_task(task)
    name = str(model) if model is not None else spec.default_model
    if name is None:
        raise UsageError(f"{task} has no model of its own; name one with --model")
    with PullDisplay() as display:
        return resolve_model(
            name,
            task,
            model_entries(),
            also=spec.accepts,
            offline=offline,
            progress=display.progress,
            log=display.log,
        )


def open_pipeline(
    spec: TaskSpec,
    folder: Path,
    choice: EngineChoice,
    *,
    batch_size: int | None = None,
    many: bool = False,
    options: dict[str, Any] | None = None,
) -> Pipeline:
    """A pipeline on the model folder `folder`; see `load`.

    Raises:
        PluginError: the task has an opener instead of a predictor.
    """
    card = read_card(folder)
    predictor = make_predictor(spec, card, folder, options)
    outputs = getattr(predictor, "outputs", None)
    engine = open_engine(spec, card, folder, choice, many, outputs)
    return Pipeline(card, predictor, engine, batch_size)


def make_predictor(
    spec: TaskSpec, card: ModelCard, folder: Path, options: dict[str, Any] | None = None
) -> Any:
    """The predictor of a task for the model in `folder`.

    Raises:
        PluginError: the task has none.
    """
    if spec.predictor is None:
        raise PluginError(f"{spec.name}: this task has no predictor")
    kind = import_attribute(spec.predictor)
    given = options or {}
    # One that reads files of the model beside the card is opened, not made.
    return kind.open(card, folder, **given) if hasattr(kind, "open") else kind(card, **given)


def open_task(
    spec: TaskSpec, folder: Path, choice: EngineChoice, *, options: dict[str, Any] | None = None
) -> Any:
    """What the opener of a task makes of the model folder `folder`; see `load`.

    Raises:
        PluginError: the task has no opener, or what it returns cannot be called.
        DeviceError: the device is not on this machine.
    """
    if spec.opener is None:
        raise PluginError(f"{spec.name}: this task has no opener")
    from cnntasks.engines.torch import open_device

    open_device(choice.device)  # before the work of building a network for nothing
    opened = import_attribute(spec.opener)(read_card(folder), folder, choice, **(options or {}))
    if not callable(opened):
        raise PluginError(
            f"{spec.name}: {spec.opener!r} returned a {type(opened).__name__}, which cannot be "
            "called"
        )
    return opened


def open_engine(
    spec: TaskSpec,
    card: ModelCard,
    folder: Path,
    choice: EngineChoice,
    many: bool = False,
    outputs: Sequence[str] | None = None,
) -> Engine:
    """The engine of `choice` with the model in `folder`.

    Args:
        many: several inputs at once, where the engine can.
        outputs: those of the network that are wanted; all when None.

    Raises:
        ModelError: the model cannot be opened.
        DeviceError: the device is not on this machine.
    """
    if choice.engine == "onnx":
        from cnntasks.engines.onnx import OnnxEngine

        return OnnxEngine(graph_path(folder), parallel=many, outputs=outputs)
    from cnntasks.engines.torch import TorchEngine, load_weights, open_device

    open_device(choice.device)  # before the work of building a network for nothing
    if spec.network is None:
        raise PluginError(f"{spec.name}: this task has no torch network; use --engine onnx")
    network = import_attribute(spec.network)(card)
    load_weights(network, folder / WEIGHTS_FILE)
    return TorchEngine(network, choice)
