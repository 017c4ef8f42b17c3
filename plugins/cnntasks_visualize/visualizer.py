"""`Visualizer`: what `cnntasks.load("visualize")` returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import Tensor

from cnntasks import (
    EngineChoice,
    InputError,
    ModelCard,
    OpenNetwork,
    Source,
    UsageError,
    open_network,
    sources_from_values,
)
from cnntasks_visualize.explaining import explain
from cnntasks_visualize.layers import Layer, find_layers, without_inplace
from cnntasks_visualize.looking import (
    show_activations,
    show_filters,
    show_projections,
    show_strongest,
)
from cnntasks_visualize.maximizing import show_maxima
from cnntasks_visualize.result import Progress, Visualization, no_progress
from cnntasks_visualize.settings import Settings
from cnntasks_visualize.view import InputView, blank_feeds, feeds_of


class Visualizer:
    """Shows what a model's network looks at.

    Args:
        opened: the model.
        settings: what calls do unless they say otherwise.
    """

    def __init__(self, opened: OpenNetwork, settings: Settings) -> None:
        self.opened = opened
        self.card: ModelCard = opened.card
        self.settings = settings
        without_inplace(opened.network)

    def __call__(self, value: Any = None, **options: Any) -> Visualization:
        """Visualise for one input, or for none.

        Args:
            value: what `cnntasks.load(task)` takes: a path, an array, ...; several of them, or a
                folder, for the deconvnet; None where the method needs none.
            options: those of `Settings`.

        Raises:
            UsageError: an option, layer, unit or class that does not exist; a missing input.
            InputError: an input cannot be used; the message names it.
        """
        settings = self._changed(options)
        if value is None:
            return self.run([], settings)
        sources = list(sources_from_values(value, suffixes=self.opened.predictor.suffixes))
        found = self.run(sources, settings)
        if found.errors:
            raise found.errors[0]
        return found

    def layers(self, value: Any = None) -> list[Layer]:
        """The layers of the network, in the order in which they run for an input."""
        if value is None:
            return find_layers(self.opened.network, blank_feeds(self.opened))
        (source,) = sources_from_values(value, suffixes=self.opened.predictor.suffixes)
        return find_layers(self.opened.network, self.feeds(source))

    def feeds(self, source: Source) -> dict[str, Tensor]:
        """What the network takes for one source; raises InputError."""
        return feeds_of(self.opened, source)

    def run(
        self,
        sources: Sequence[Source],
        settings: Settings,
        progress: Progress = no_progress,
    ) -> Visualization:
        """One method for one source, none, or (the deconvnet) several.

        Raises:
            UsageError, InputError: as for a call.
        """
        settings.check()
        if len(sources) > 1:
            if settings.method != "deconvnet":
                raise UsageError(f"{settings.method} looks at one input at a time")
            return self._labelled(self._strongest(sources, settings, progress), settings, None)
        source = sources[0] if sources else None
        found = self._one(source, settings, progress)
        return self._labelled(found, settings, source)

    def _one(self, source: Source | None, settings: Settings, progress: Progress) -> Visualization:
        opened, method = self.opened, settings.method
        if source is None and method not in ("filters", "maximize"):
            raise UsageError(f"{method} needs an input; name one, or see --help")
        feeds = blank_feeds(opened) if source is None else self.feeds(source)
        view = InputView.of(feeds, self.card.name)
        layers = find_layers(opened.network, feeds)
        if method == "filters":
            return show_filters(opened, layers, settings)
        if method == "maximize":
            return show_maxima(opened, feeds, view, layers, settings, progress)
        if method == "activations":
            return show_activations(opened, feeds, view, layers, settings)
        if method == "deconvnet":
            return show_projections(opened, feeds, view, layers, settings)
        return explain(opened, feeds, view, layers, settings, progress)

    def _strongest(
        self, sources: Iterable[Source], settings: Settings, progress: Progress
    ) -> Visualization:
        """Of a folder; the first readable input tells what layers there are."""
        listed = list(sources)
        for source in listed:
            try:
                layers = find_layers(self.opened.network, self.feeds(source))
            except InputError:
                continue
            return show_strongest(self.opened, listed, layers, settings, progress)
        raise InputError(f"{listed[0].name}: neither this nor any other input can be read")

    def _labelled(
        self, found: Visualization, settings: Settings, source: Source | None
    ) -> Visualization:
        head: dict[str, Any] = {"model": self.card.name, "method": settings.method}
        if source is not None:
            head["input"] = source.name
        return replace(found, summary={**head, **found.summary})

    def _changed(self, options: dict[str, Any]) -> Settings:
        unknown = set(options) - set(Settings.__dataclass_fields__)
        if unknown:
            known = ", ".join(Settings.__dataclass_fields__)
            raise UsageError(f"there is no option {sorted(unknown)[0]!r}; there are {known}")
        return replace(self.settings, **options)


def open_visualizer(
    card: ModelCard, folder: Path, choice: EngineChoice, **options: Any
) -> Visualizer:
    """Open the model in `folder`, of any task that `visualize` accepts.

    Raises:
        UsageError: an option that `Settings` does not have.
        ModelError: the model gives no gradients; the message says what is needed.
    """
    visualizer = Visualizer(open_network(folder, device=choice.device), Settings())
    visualizer.settings = visualizer._changed(options)
    return visualizer
