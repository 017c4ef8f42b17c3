"""Speed of `cnntasks text`, as ratios measured in one run on one machine.

    python benchmarks/text.py [--sentences 50000] [--repeat 5] [--model NAME|FOLDER] [--texts FILE]
                              [--train FILE...]

(a) A cold `cnntasks text "..."`, against importing torch; (b) sentences per second of the command
line that reads a file and writes JSON Lines, its start included; (c) sentences per second from
Python, against a loop over the same network in eager torch, one sentence at a time, with a
tokenizer written in Python (the same vocabulary, longest pieces first); (d) peak memory over many
lines against few; (e) with `--train FILE...` (SST-2: its phrases and its training sentences), the
time of an epoch over all texts in there, with the settings of `cnntasks train text`. Sentences
are random words of the model's vocabulary, 5 to 35 of them, unless `--texts` names a file of real
ones. Commands run in turn, medians are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import CNNTASKS, medians, print_machine, rate, seconds

import cnntasks

IMPORT_TORCH = [sys.executable, "-c", "import torch"]

OURS = """
import sys, time
from pathlib import Path
import cnntasks
model = cnntasks.load("text", MODEL, many=True)
start = time.perf_counter()
count = sum(outcome.error is None for outcome in model.stream(Path(sys.argv[1])))
print(count / (time.perf_counter() - start))
"""

EAGER = """
import json, re, sys, time
from pathlib import Path
import torch
import cnntasks
from safetensors.torch import load_file
from cnntasks_text.network import build
folder = Path(MODEL)
card = cnntasks.read_card(folder)
net = build(card).eval()
net.load_state_dict(load_file(folder / "weights.safetensors"))
vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
def pieces(word):
    found, start = [], 0
    while start < len(word):
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            number = vocabulary.get(prefix + word[start:end])
            if number is not None:
                break
        else:
            return [1]
        found.append(number)
        start = end
    return found
def once(text):
    words = re.findall(r"\\w+|[^\\w\\s]", text.lower())
    tokens = [number for word in words for number in pieces(word)]
    with torch.inference_mode():
        scores = net(tokens=torch.tensor([tokens]))["logits"].softmax(dim=1)[0]
    return card.classes[int(scores.argmax())]
texts = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()[:3000]
for text in texts[:50]:
    once(text)
start = time.perf_counter()
for text in texts:
    once(text)
print(len(texts) / (time.perf_counter() - start))
"""


def write_sentences(path: Path, folder: Path, count: int) -> None:
    """Random words of a model's vocabulary, 5 to 35 a sentence."""
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    words = [word for word in vocabulary["model"]["vocab"] if word.isalpha() and word.isascii()]
    random = np.random.default_rng(0)
    with path.open("w", encoding="utf-8") as stream:
        for length in random.integers(5, 36, count):
            stream.write(" ".join(random.choice(words, length)) + " .\n")


def peak_memory(file: Path, model: str, cwd: Path) -> float:
    """Peak resident memory in MB of the command line over a file."""
    code = (
        "import sys; from cnntasks.cli.root import main; "
        f"main(['text', {str(file)!r}, '--model', {model!r}, '-o', 'memory.jsonl', '-q']); "
        "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=cwd
    )
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return int(done.stdout.split()[-1]) / unit


def time_epoch(files: list[Path]) -> tuple[int, float]:
    """How many texts an epoch has, and its seconds, start and validation not counted."""
    from cnntasks_text.crossing import Training
    from cnntasks_text.data import Columns, read_text_data
    from cnntasks_text.settings import TextSettings
    from cnntasks_text.starting import Start

    parts = [read_text_data(file, None, Columns()) for file in files]
    classes = cnntasks.join_classes(parts)
    texts = [it for part in parts for it in cnntasks.match_classes(part, classes).examples]
    fit = cnntasks.FitSettings(epochs=1, rate=2e-3)
    training = Training(Start("epoch"), TextSettings(), fit, classes, "cpu")
    started, learner = training.prepare(texts, texts[:100])
    with tempfile.TemporaryDirectory() as place:
        start = time.perf_counter()
        cnntasks.fit(started.network, learner, fit, Path(place), device="cpu", progress=False)
        return len(texts), time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--model", default="sentiment")
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--train", type=Path, nargs="+")
    options = parser.parse_args()
    print_machine("torch", "onnxruntime", "tokenizers", "numpy")
    model = cnntasks.find_model("text", options.model).resolve()
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        # By name: a folder of one's own is checked at each start.
        command = [*CNNTASKS, "text", "--model", options.model]
        cold = [*command, "a gripping, funny film"]
        times = medians({"import": IMPORT_TORCH, "text": cold}, options.repeat, here)
        base, start = times["import"], times["text"]
        print(f"import torch: {base:.2f} s")
        print(f"(a) cold text: {start:.3f} s, ratio {start / base:.3f}")
        file = here / "sentences.txt"
        if options.texts is None:
            write_sentences(file, model, options.sentences)
        else:
            file.write_bytes(options.texts.read_bytes())
        count = sum(1 for _ in file.open("rb"))
        words = len(file.read_bytes().split()) / count
        whole = [*command, str(file), "-o", "out.jsonl", "-q"]
        taken = statistics.median(seconds(whole, here) for _ in range(3))
        print(f"(b) command line: {count / taken:.0f} sentences/s ({count} of {words:.1f} words)")
        scripts = [code.replace("MODEL", repr(str(model))) for code in (OURS, EAGER)]
        rates = [tuple(rate(script, file) for script in scripts) for _ in range(3)]
        ours, eager = (statistics.median(values) for values in zip(*rates, strict=True))
        print(f"(c) {ours:.0f} sentences/s, eager torch {eager:.0f}, ratio {ours / eager:.2f}")
        few = here / "few.txt"
        few.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[: count // 20]))
        small, large = (peak_memory(it, options.model, here) for it in (few, file))
        print(f"(d) peak memory {small:.0f} MB over {count // 20}, {large:.0f} MB over {count}:")
        print(f"    ratio {large / small:.3f}")
    if options.train:
        number, taken = time_epoch(options.train)
        print(f"(e) an epoch of training over {number} texts: {taken:.1f} s")


if __name__ == "__main__":
    main()
