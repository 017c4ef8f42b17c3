"""Quality and speed of `cnntasks style`, as ratios measured in one run on one machine.

    python benchmarks/style.py [--vgg FILE] [--size 384] [--pairs 6] [--full 0] [--device cpu]

The judge is VGG-19 down to conv3_4, which the default model is not optimised on: its Gram losses at
relu1_1, relu2_1, relu3_1 and relu3_4, and its content loss at relu3_3, each divided by the energy
of its target. A result closes 1 - judge(result, style) / judge(content, style) of the distance to
the style.

(a) for each pair, what the default closes, its content loss, and its time; (b) that time against a
plain VGG-19 run, 300 iterations of `torch.optim.LBFGS` on the judge's own layers, its iterations
timed in turn with ours; with `--full N` the plain run is finished for N pairs, for its quality;
(c) CPU time to the same loss on the same network, ours against a plain loop.

FILE holds torchvision's VGG-19 weights; without it, those of the pulled model vgg19.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import SAMPLES, print_machine

PAIRS = (
    ("castle.webp", "church_at_auvers.webp"),
    ("bridge.jpg", "cafe_terrace.webp"),
    ("street.webp", "harvest.webp"),
    ("horses.webp", "starry_night.jpg"),
    ("castle.webp", "starry_night.jpg"),
    ("cat.webp", "cafe_terrace.webp"),
)
PLAIN_ITERATIONS = 300

# Shared by the processes below: pictures, the judge, and a plain loop as tutorials write it.
PLAIN = """
import json, sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from torch.nn import functional as F
from cnntasks_style.distillation import read_teacher
STYLE, CONTENT = ("conv1_1", "conv2_1", "conv3_1", "conv3_4"), "conv3_3"
clock = time.perf_counter
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
def picture(path, size):
    image = Image.open(path).convert("RGB")
    scale = size / max(image.size)
    new = (round(image.width * scale), round(image.height * scale))
    image = image.resize(new, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float().contiguous() / 255
def gram(maps):
    rows = maps.flatten(2)[0]
    return rows @ rows.T / rows.shape[1]
class Losses:
    def __init__(self, network, content, style):
        self.network = network
        with torch.no_grad():
            maps = self.maps(style)
            self.grams = {name: gram(maps[name]) for name in STYLE}
            self.content = self.maps(content)[CONTENT]
    def maps(self, x):
        return self.network((x - MEAN) / STD, (*STYLE, CONTENT))
    def style(self, maps):
        parts = [((gram(maps[n]) - g) ** 2).sum() / (g ** 2).sum() for n, g in self.grams.items()]
        return sum(parts) / len(parts)
    def __call__(self, x):
        maps = self.maps(x)
        content = ((maps[CONTENT] - self.content) ** 2).sum() / (self.content ** 2).sum()
        return self.style(maps), content
def variation(x):
    down, right = x[:, :, 1:] - x[:, :, :-1], x[..., 1:] - x[..., :-1]
    return ((down ** 2).sum() + (right ** 2).sum()) / x.numel()
def plain_loop(losses, start, weight, smooth, iterations):
    x = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([x], max_iter=1, history_size=10,
                                  tolerance_grad=0, tolerance_change=0)
    for _ in range(iterations):
        def closure():
            optimizer.zero_grad()
            style, content = losses(x)
            total = weight * style + content + smooth * variation(x)
            total.backward()
            return total.detach()
        begun = clock()
        total = float(optimizer.step(closure).detach())
        yield clock() - begun, total, x.detach()
"""

# Prints what a result closes and its content loss.
JUDGE = """
content, style, made = (picture(path, size) for path in map(Path, pictures))
losses = Losses(read_teacher(Path(vgg), reflect=False), content, style)
with torch.no_grad():
    before, _ = losses(content)
    after, kept = losses(made)
print(json.dumps([1 - float(after / before), float(kept)]))
"""

PLAIN_RUN = """
content, style = (picture(path, size) for path in map(Path, pictures[:2]))
losses = Losses(read_teacher(Path(vgg), reflect=False), content, style)
seconds = []
for spent, _, x in plain_loop(losses, content, 1000, 0, iterations):
    seconds.append(spent)
if len(pictures) > 2:
    values = x[0].permute(1, 2, 0).clamp(0, 1).numpy()
    Image.fromarray((values * 255).round().astype(np.uint8)).save(pictures[2])
print(json.dumps(seconds))
"""

# The default model's network, its losses and weights, in the plain loop: every iteration's
# seconds and loss.
SAME_PLAIN = """
import cnntasks
clock = time.process_time
transfer = cnntasks.load("style")
network = transfer._make_backbone().eval().requires_grad_(False)
content, style = (picture(path, size) for path in map(Path, pictures[:2]))
losses = Losses(network, content, style)
defaults = transfer.card.defaults
weight, smooth = defaults["style_weight"], defaults["tv_weight"]
print(json.dumps([(spent, total) for spent, total, _ in
                  plain_loop(losses, content, weight, smooth, iterations)]))
"""

OURS = """
from dataclasses import replace
import cnntasks
transfer = cnntasks.load("style")
if scales:
    transfer.method = replace(transfer.method, scales=scales)
trace = []
begun = time.process_time()
for step in transfer.iterate(*pictures[:2], size=size):
    now = time.process_time() - begun
    trace.append((now, sum(step.losses.values()), max(step.scale_size)))
print(json.dumps(trace))
"""


def ask(code: str, **values: Any) -> Any:
    """Run code in a process of its own; what it prints."""
    assignments = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    done = subprocess.run(
        [sys.executable, "-c", f"{PLAIN}\n{assignments}\n{code}"],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def ours(pictures: list[str], size: int, out: Path, device: str) -> float:
    """Make the default's picture with the command; the seconds that its record tells."""
    command = [sys.executable, "-m", "cnntasks", "style", *pictures, "-o", str(out)]
    command += ["--size", str(size), "--device", device, "--quiet"]
    subprocess.run(command, check=True)
    record = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    return float(record["seconds"])


def published_vgg() -> str:
    """The weights of the model vgg19, which is pulled where it is not here."""
    from cnntasks import find_model

    return str(find_model("classify", "vgg19") / "weights.safetensors")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--vgg")
    parser.add_argument("--size", type=int, default=384)
    parser.add_argument("--pairs", type=int, default=len(PAIRS))
    parser.add_argument("--full", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    print_machine("cnntasks", "torch", "torchvision")
    vgg, size = arguments.vgg or published_vgg(), arguments.size
    closed, kept, ratios = [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, pair in enumerate(PAIRS[: arguments.pairs]):
            pictures = [str(SAMPLES / it) for it in pair]
            out = folder / f"{number}.png"
            spent = ours(pictures, size, out, arguments.device)
            plain = ask(PLAIN_RUN, vgg=vgg, size=size, pictures=pictures, iterations=6)
            ratio = spent / (PLAIN_ITERATIONS * statistics.median(plain[1:]))
            found = ask(JUDGE, vgg=vgg, size=size, pictures=[*pictures, str(out)])
            closed.append(found[0])
            kept.append(found[1])
            ratios.append(ratio)
            print(
                f"{' in '.join(pair)}: closes {found[0]:.3f} at content {found[1]:.3f}, "
                f"{spent:.1f} s, {ratio:.4f} of plain VGG-19",
                flush=True,
            )
            if number < arguments.full:
                full = [*pictures, str(folder / "plain.png")]
                ask(PLAIN_RUN, vgg=vgg, size=size, pictures=full, iterations=PLAIN_ITERATIONS)
                plain_found = ask(JUDGE, vgg=vgg, size=size, pictures=full)
                print(f"  plain VGG-19 closes {plain_found[0]:.3f} at {plain_found[1]:.3f}")
    if closed:
        means = [statistics.mean(it) for it in (closed, kept, ratios)]
        print("(a), (b) mean: closes {:.3f} at content {:.3f}, {:.4f} of plain".format(*means))
    pictures = [str(SAMPLES / it) for it in PAIRS[0]]
    plain = ask(SAME_PLAIN, size=size, pictures=pictures, iterations=PLAIN_ITERATIONS // 3)
    for scales, label in ((1, "at one size"), (0, "from coarse to fine, as by default")):
        trace = ask(OURS, size=size, pictures=pictures, scales=scales)
        # The loss that both reach, at the full size.
        mark = max(plain[-1][1], trace[-1][1])
        ours_there = next(now for now, total, side in trace if side == size and total <= mark)
        plain_there = sum(seconds for seconds, total in plain if total > mark)
        ratio = ours_there / plain_there
        print(f"(c) {label}, to loss {mark:.4f}: {ours_there:.1f} s, {ratio:.3f} of a plain loop")


if __name__ == "__main__":
    main()
