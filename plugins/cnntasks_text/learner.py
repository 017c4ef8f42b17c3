"""What text classification knows of training: parameter groups, batches, loss, metric, graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from cnntasks import GraphSpec, ModelCard
from cnntasks_text.batches import Batch, Collator, Order, TokenSet
from cnntasks_text.data import TextExample
from cnntasks_text.metrics import TextMetric
from cnntasks_text.network import Embedding, Shape, TextClassifier, graph_spec
from cnntasks_text.settings import TextSettings
from cnntasks_text.tokenization import encode_texts

#: Texts that are classified at once for validation.
_AT_ONCE = 256


class TextLearner:
    """Trains `TextClassifier` for a card.

    Args:
        card: its network, classes and preprocessing.
        settings: see `TextSettings`.
        tokenizer: of the model.
        train, validation: the two parts, labelled by the card's classes.
        pieces: what known words are made of; None where there are no pieces.
    """

    monitor = "accuracy"

    def __init__(
        self,
        card: ModelCard,
        settings: TextSettings,
        tokenizer: Tokenizer,
        train: Sequence[TextExample],
        validation: Sequence[TextExample],
        pieces: NDArray[Any] | None = None,
    ) -> None:
        self.card = card
        self.settings = settings
        self.shape = Shape.of(card)
        self.pieces = pieces
        longest = int(card.preprocessing.get("max_length", 0))
        self.train, self.validation = (
            TokenSet(
                encode_texts(tokenizer, [example.text for example in part], longest),
                [example.label for example in part],
            )
            for part in (train, validation)
        )

    def parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """Kernels with weight decay; biases and embeddings, of which most see no gradient in a
        step, without."""
        assert isinstance(network, TextClassifier)
        tables = {
            id(module.table.weight) for module in network.modules() if isinstance(module, Embedding)
        }
        groups: dict[bool, list[Tensor]] = {}
        for parameter in network.parameters():
            if parameter.requires_grad:
                decay = parameter.ndim > 1 and id(parameter) not in tables
                groups.setdefault(decay, []).append(parameter)
        return [
            {"params": parameters, "scale": 1.0, "decay": decay}
            for decay, parameters in groups.items()
        ]

    def set_train_mode(self, network: nn.Module) -> None:
        """Training mode, with the dropouts of the settings."""
        assert isinstance(network, TextClassifier)
        network.dropout = self.settings.dropout
        network.embedding_dropout = self.settings.embedding_dropout
        network.train()

    def train_batches(self, seed: int) -> DataLoader[Any]:
        """Noisy batches of texts of about one length."""
        settings = self.settings
        lengths = [len(tokens) for tokens in self.train.tokens]
        if settings.crop:
            lengths = [min(length, settings.crop) for length in lengths]
        return DataLoader(
            self.train,
            batch_sampler=Order(lengths, settings.batch, settings.per_epoch, seed),
            num_workers=settings.workers,
            persistent_workers=settings.workers > 0,
            collate_fn=Collator(
                self.pieces, settings.word_dropout, settings.split_words, settings.crop
            ),
        )

    def validation_batches(self) -> DataLoader[Any]:
        """The validation part as for prediction, short texts first."""
        tokens = self.validation.tokens
        order = sorted(range(len(tokens)), key=lambda place: len(tokens[place]))
        batches = [
            [(index, 0) for index in order[start : start + _AT_ONCE]]
            for start in range(0, len(order), _AT_ONCE)
        ]
        return DataLoader(self.validation, batch_sampler=batches, collate_fn=Collator())

    def losses(self, network: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """The mean cross-entropy of the members, which learn side by side.

        What a step has made too large is scaled down before the next one. The paper does it at the
        end of a step, which is the same but for the last.
        """
        assert isinstance(network, TextClassifier)
        network.limit_norms()
        each = [
            functional.cross_entropy(
                logits, batch.labels, label_smoothing=self.settings.label_smoothing
            )
            for logits in network.member_logits(batch.tokens)
        ]
        return {"cross_entropy": torch.stack(each).sum()}

    def new_metric(self) -> TextMetric:
        """Accuracy and its relatives."""
        return TextMetric(self.card.classes)

    def graph(self) -> GraphSpec:
        """See `graph_spec`."""
        return graph_spec(self.shape)
