"""The network of a text model: embeddings, a one-dimensional backbone, and what it decides by.

Every network here ends alike: maximum over time, dropout, one linear layer (Kim 2014, section 2).
So a logit is a sum with one term for each map, w_km * max_t map_m(t), plus a bias, and each term
has a place in the text: the window where the maximum stood. That is the explanation of a
prediction, exact and not an approximation, whatever the backbone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from cnntasks import GraphSpec, ModelCard, ModelError, Stage, UsageError, create_backbone
from cnntasks_text.tokenization import MOST_PIECES, PADDING, UNKNOWN

#: Kim's four forms, and the vectors as they are beside columns that are trained from random ones.
FORMS = ("rand", "static", "non-static", "multichannel", "joined")
NETWORK = "text-classifier"
OUTPUTS = ("logits", "contributions", "positions")
#: Largest norm of the weights of one class (the paper's s).
MAX_NORM = 3.0
#: Usual bound of random embeddings: smaller than the paper's 0.25, which learns more slowly.
SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Shape:
    """What a card's `network` says of a text classifier.

    Attributes:
        backbone: a network for text.
        form: one of `FORMS`.
        tokens: size of the vocabulary.
        learned: tokens that the training texts gave; those behind have nothing but their vector.
        dimensions: of trained random embeddings; 0 where there are none.
        vectors: dimensions of word vectors from a file; 0 where there are none.
        pieces: whether a word's trained embedding is its own plus those of its pieces.
        members: classifiers whose logits are averaged.
    """

    backbone: str
    form: str
    tokens: int
    learned: int
    dimensions: int
    vectors: int
    pieces: bool = False
    members: int = 1

    def to_network(self, windows: Sequence[Sequence[int]]) -> dict[str, Any]:
        """The card's `network`, with the windows of all maps: left, right, how many."""
        return {"name": NETWORK, **asdict(self), "windows": [list(window) for window in windows]}

    @classmethod
    def of(cls, card: ModelCard) -> Shape:
        """What a card says.

        Raises:
            ModelError: it is not a card of this network, or it is incomplete.
        """
        network = dict(card.network)
        network.pop("windows", None)
        if network.pop("name") != NETWORK:
            raise ModelError(f"{card.name}: network {card.network['name']!r} is not one for text")
        if not isinstance(network.get("backbone"), str):
            raise ModelError(f"{card.name}: the network of its card has no backbone")
        try:
            shape = cls(**network)
            network = asdict(shape)
        except TypeError as error:
            raise ModelError(
                f"{card.name}: the settings of its network are not those of this version "
                f"({error}); upgrade cnntasks"
            ) from error
        numbers = ("tokens", "learned", "dimensions", "vectors", "members")
        if (
            any(type(network[name]) is not int or network[name] < 0 for name in numbers)
            or type(network["pieces"]) is not bool
            or shape.form not in FORMS
            or not UNKNOWN < shape.learned <= shape.tokens
            or shape.members < 1
            or bool(shape.vectors) != (shape.form != "rand")
            or bool(shape.dimensions) != (shape.form in ("rand", "joined"))
        ):
            raise ModelError(f"{card.name}: the settings of its network contradict each other")
        return shape


class Embedding(nn.Module):
    """The trained table of one member: for a token its own vector, and those of its pieces.

    Args:
        tokens: V; a token beyond is taken for the unknown one.
        dimensions: D.
        pieces: whether to add pieces.
        spread: bound of the random numbers that it starts with.
    """

    pieces: Tensor | None

    def __init__(self, tokens: int, dimensions: int, pieces: bool, spread: float = SPREAD) -> None:
        super().__init__()
        self.table = nn.Embedding(tokens, dimensions, padding_idx=PADDING)
        nn.init.uniform_(self.table.weight, -spread, spread)
        with torch.no_grad():
            self.table.weight[PADDING] = 0
        made_of = torch.zeros(tokens, MOST_PIECES, dtype=torch.int32) if pieces else None
        self.register_buffer("pieces", made_of)

    def forward(self, tokens: Tensor) -> Tensor:
        """B×L int64 to B×L×D; the sum of n pieces is divided by the root of n."""
        known = torch.where(tokens < self.table.num_embeddings, tokens, UNKNOWN)
        own: Tensor = self.table(known)
        if self.pieces is None:
            return own
        pieces = self.pieces[known].long()
        count = (pieces != PADDING).sum(dim=2, keepdim=True).clamp(min=1)
        added: Tensor = self.table(pieces).sum(dim=2)
        return own + added * count.to(own.dtype).rsqrt()


class Member(nn.Module):
    """One classifier on embedded texts: backbone, maximum over time, dropout, linear layer."""

    def __init__(self, backbone: str, width: int, classes: int) -> None:
        super().__init__()
        self.backbone: Any = create_backbone(backbone, width)
        if not hasattr(self.backbone, "windows"):
            raise UsageError(
                f"{backbone!r} is no network for text; `cnntasks backbones` lists those of text1d"
            )
        self.stage: Stage = self.backbone.stages[-1]
        self.output = nn.Linear(self.stage.channels, classes)

    def maps(self, x: Tensor, mask: Tensor) -> Tensor:
        """The last maps, B×M×L/stride; minus infinity behind the text.

        Args:
            x: B×L×D, zero behind the text.
            mask: B×1×L, 1 on the text and 0 behind it.
        """
        maps: Tensor = self.backbone(x.transpose(1, 2), mask=mask)[self.stage.name]
        return maps.masked_fill(mask[:, :, :: self.stage.stride] == 0, -torch.inf)


class TextClassifier(nn.Module):
    """Classifies texts given as tokens.

    Args:
        shape: see `Shape`.
        classes: K.
        spread: random embeddings lie between this and its negative.

    Attributes:
        dropout: of the maxima, in training (the paper's 0.5).
        embedding_dropout: of the embeddings, in training.
    """

    tables: Sequence[Embedding]
    members: Sequence[Member]

    def __init__(self, shape: Shape, classes: int, spread: float = SPREAD) -> None:
        super().__init__()
        self.shape = shape
        self.dropout = 0.5
        self.embedding_dropout = 0.0
        self.vectors: nn.Embedding | None = None
        if shape.form in ("static", "multichannel", "joined"):
            self.vectors = nn.Embedding(shape.tokens, shape.vectors, padding_idx=PADDING)
            self.vectors.requires_grad_(False)
        # Vectors that are tuned have to be there for every token.
        random = shape.dimensions > 0
        tokens = shape.learned if random else shape.tokens
        width = shape.dimensions or shape.vectors
        self.tables = nn.ModuleList(  # type: ignore[assignment]
            Embedding(tokens, width, shape.pieces and random, spread)
            for _ in range(shape.members if shape.form != "static" else 0)
        )
        width = shape.dimensions + shape.vectors
        self.members = nn.ModuleList(  # type: ignore[assignment]
            Member(shape.backbone, width, classes) for _ in range(shape.members)
        )

    @property
    def windows(self) -> list[tuple[int, int, int]]:
        """Left, right and number of all maps, in the order of the contributions."""
        return [
            (window.left, window.right, window.maps)
            for member in self.members
            for window in member.backbone.windows
        ]

    def embed(self, tokens: Tensor, number: int) -> Tensor:
        """The embeddings of member `number`: B×L to B×L×D.

        Two channels (`multichannel`) are added up: the paper applies each filter to both and adds
        the results, which is the same.
        """
        parts: list[Tensor] = [] if self.vectors is None else [self.vectors(tokens)]
        if self.shape.form != "static":
            parts.append(self.tables[number](tokens))
        if self.shape.form == "multichannel":
            return torch.stack(parts).sum(dim=0)
        return torch.cat(parts, dim=2)

    def member_logits(self, tokens: Tensor) -> list[Tensor]:
        """B×K of each member; for training."""
        tokens, mask = self._padded(tokens)
        found = []
        for number, member in enumerate(self.members):
            x = functional.dropout(
                self.embed(tokens, number), self.embedding_dropout, self.training
            )
            pooled = member.maps(x, mask).amax(dim=2)
            found.append(member.output(functional.dropout(pooled, self.dropout, self.training)))
        return found

    def forward(self, tokens: Tensor) -> dict[str, Tensor]:
        """Classify.

        Args:
            tokens: B×L int64, 0 behind each text.

        Returns:
            `logits` B×K, `contributions` B×K×M (what each map added to each logit: with the bias
            their sum is the logit), and `positions` B×M int64, the token over which the window
            stood that decided.
        """
        tokens, mask = self._padded(tokens)
        contributions, positions = [], []
        biases: list[Tensor] = []
        for number, member in enumerate(self.members):
            maps = member.maps(self.embed(tokens, number), mask)
            # Not `max`, whose graph may take another one of equal values.
            positions.append(maps.argmax(dim=2) * member.stage.stride)
            contributions.append(maps.amax(dim=2).unsqueeze(1) * member.output.weight)
            biases.append(member.output.bias)
        each = torch.cat(contributions, dim=2) / len(self.members)
        bias = torch.stack(biases).mean(dim=0)
        return {
            "logits": each.sum(dim=2) + bias,
            "contributions": each,
            "positions": torch.cat(positions, dim=1),
        }

    def _padded(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens, and B×1×L: 1 on the text, whose first token counts always, and 0 behind it.

        The exporter cannot tell a map of one place from a constant; a stride's worth of padding
        gives every map a second one.
        """
        stride = max(member.stage.stride for member in self.members)
        if stride > 1:
            tokens = functional.pad(tokens, (0, stride), value=PADDING)
        first = torch.arange(tokens.shape[1], device=tokens.device) == 0
        return tokens, ((tokens != PADDING) | first).unsqueeze(1).float()

    @torch.no_grad()
    def limit_norms(self) -> None:
        """Scale the weights of each class down to a norm of `MAX_NORM` (section 2.1)."""
        for member in self.members:
            weight = member.output.weight
            weight.copy_(torch.renorm(weight, 2, 0, MAX_NORM))


def build(card: ModelCard) -> TextClassifier:
    """The network that a card describes, with random weights.

    Raises:
        ModelError: the card's network is not one that text knows, or it is incomplete.
    """
    return TextClassifier(Shape.of(card), len(card.classes))


def graph_spec(shape: Shape) -> GraphSpec:
    """Feeds of two texts, one shorter; both axes may vary."""
    tokens = np.random.default_rng(0).integers(UNKNOWN, shape.tokens, (2, 13))
    tokens[1, 9:] = PADDING
    return GraphSpec({"tokens": tokens}, {"tokens": {0: "batch", 1: "length"}}, OUTPUTS)
