"""The built-in tasks keep the contract that every plugin has to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import cnntasks
from cnntasks.testing import BackboneContract, Subject, TaskContract

SAMPLES = Path(__file__).parents[2] / "samples"


class TestClassify(TaskContract):
    task = "classify"
    model = "mnist-lenet5"
    trains = True

    def subject(self, work: Path) -> Subject:
        random = np.random.default_rng(0)
        for split in ("train", "val"):
            for place, name in enumerate(("dark", "light")):
                for number in range(4):
                    picture = random.integers(120 * place, 120 * place + 100, (32, 32, 3), np.uint8)
                    path = work / "data" / split / name / f"{number}.png"
                    path.parent.mkdir(parents=True, exist_ok=True)
                    cnntasks.write_image(path, picture)
        train = (str(work / "data"), "--backbone", "lenet5", "--batch-size", "4")
        return Subject(self.task, work, str(SAMPLES / "dog.webp"), model=self.model, train=train)


class TestDetect(TaskContract):
    task = "detect"
    sample = str(SAMPLES / "horses.webp")


class TestSpeech(TaskContract):
    task = "speech"
    sample = str(SAMPLES / "speech" / "yes.flac")


class TestStyle(TaskContract):
    task = "style"
    predicts = False

    def subject(self, work: Path) -> Subject:
        for name, level in (("content", 90), ("style", 160)):
            picture = np.random.default_rng(level).integers(0, level, (40, 40, 3), np.uint8)
            cnntasks.write_image(work / f"{name}.png", picture)
        more = (str(work / "style.png"), "--iterations", "2", "--size", "40", "-q")
        return Subject(
            self.task, work, str(work / "content.png"),
            options=(*more, "--output", str(work / "out.png")),
        )  # fmt: skip


class TestText(TaskContract):
    task = "text"
    sample = "a gripping, funny film"
    broken = " "
    model = "questions"
    trains = True

    def subject(self, work: Path) -> Subject:
        words = ("awful dull boring dreary", "funny gripping lovely bright")
        rows = [
            f"{label}\t{words[label].split()[n % 4]} {words[label].split()[(n + 1) % 4]} film"
            for n in range(12)
            for label in (0, 1)
        ]
        work.mkdir(exist_ok=True)
        (work / "texts.tsv").write_text("label\ttext\n" + "\n".join(rows) + "\n")
        train = (str(work / "texts.tsv"), "--dimensions", "8", "--pieces", "50",
                 "--texts-per-epoch", "24", "--batch-size", "8")  # fmt: skip
        return Subject(self.task, work, self.sample, self.broken, self.model, train=train)


class TestResNet(BackboneContract):
    name = "resnet18"
