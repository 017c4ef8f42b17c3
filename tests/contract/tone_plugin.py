"""The source of a small plugin that keeps the contract, to be broken one way at a time.

An input is a file of four numbers; the result says whether they are high or low. It can be trained.
"""

from __future__ import annotations

PLUGIN = """
import cnntasks

@cnntasks.hookimpl
def register_tasks():
    return [cnntasks.TaskSpec(
        name="tone", summary="Say whether numbers are high or low.", default_model="tone",
        command="NAME_parts:tone", predictor="NAME_parts:TonePredictor",
        network="NAME_parts:build", train="NAME_parts:train")]
"""

PARTS = '''
from dataclasses import dataclass
from pathlib import Path
import click
import numpy as np
import cnntasks

@dataclass(frozen=True)
class Tone:
    label: str
    score: float
    def to_dict(self):
        return {"label": self.label, "score": self.score}
    def to_rows(self):
        return [self.to_dict()]

class TonePredictor:
    columns = ("label", "score")
    suffixes = (".num",)
    def __init__(self, card):
        self.card = card
    def decode(self, source):
        try:
            numbers = [float(word) for word in source.read_bytes().decode().split()]
            assert len(numbers) == 4
        except (ValueError, AssertionError) as error:
            raise cnntasks.InputError(f"{source.name}: no four numbers; give four") from error
        return np.array(numbers, np.float32)
    def preprocess(self, item):
        return {"numbers": item}
    def postprocess(self, outputs, item):
        scores = outputs["scores"]
        best = int(scores.argmax())
        return Tone(self.card.classes[best], round(float(scores[best]), 4))

@click.command("tone")
@click.argument("inputs", nargs=-1)
@cnntasks.task_options()
def tone(inputs, common):
    """Say whether numbers are high or low."""
    cnntasks.run_task("tone", inputs, common, {}, noun="files")

def build(card):
    import torch
    class ToneNetwork(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(4, 2)
        def forward(self, numbers):
            return {"scores": self.layer(numbers).softmax(dim=1)}
    return ToneNetwork()

def graph_spec():
    return cnntasks.GraphSpec(
        {"numbers": np.zeros((2, 4), np.float32)}, {"numbers": {0: "batch"}}, ("scores",))

class ToneLearner:
    monitor = "accuracy"
    def __init__(self, rows):
        self.rows = rows
    def parameter_groups(self, network):
        return [{"params": list(network.parameters()), "scale": 1.0}]
    def set_train_mode(self, network):
        network.train()
    def _loader(self, sampler):
        import torch
        data = [(torch.tensor(row[1:]), int(row[0])) for row in self.rows]
        return torch.utils.data.DataLoader(data, batch_size=4, sampler=sampler)
    def train_batches(self, seed):
        return self._loader(Shuffled(len(self.rows), seed))
    def validation_batches(self):
        return self._loader(None)
    def losses(self, network, batch):
        import torch
        numbers, labels = batch
        scores = network(numbers=numbers)["scores"]
        return {"nll": torch.nn.functional.nll_loss(scores.clamp(min=1e-6).log(), labels)}
    def new_metric(self):
        class Accuracy:
            right = total = 0
            def update(self, network, batch):
                found = network(numbers=batch[0])["scores"].argmax(dim=1)
                self.right += int((found == batch[1]).sum())
                self.total += len(found)
            def compute(self):
                return cnntasks.Score({"accuracy": self.right / self.total})
        return Accuracy()
    def graph(self):
        return graph_spec()

class Shuffled(cnntasks.EpochSampler):
    def __init__(self, count, seed):
        super().__init__(seed)
        self.count = count
    def __len__(self):
        return self.count
    def __iter__(self):
        return iter(self.random().permutation(self.count).tolist())

@click.command("train")
@click.argument("data", type=click.Path(path_type=Path))
@cnntasks.fit_options(epochs=2, rate=0.1)
def train(data, fit):
    """Train on a file with a line for each example: 0 or 1, then four numbers."""
    import torch
    rows = [[float(word) for word in line.split()] for line in data.read_text().splitlines()]
    card = cnntasks.ModelCard(
        name=fit.name, task="tone", network={"name": "tone"}, classes=("low", "high"))
    torch.manual_seed(fit.settings.seed)
    card = cnntasks.train_model(
        build(card), ToneLearner(rows), card, fit.output, fit.settings, device=fit.device,
        resume=fit.resume, progress=not fit.quiet)
    cnntasks.report_trained(card, fit)
'''
