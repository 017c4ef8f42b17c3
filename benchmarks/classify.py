"""Speed of `cnntasks classify`, as ratios measured in one run on one machine.

    python benchmarks/classify.py [--photos 200] [--repeat 5] [--steps 12]

(a) a cold `cnntasks classify PHOTO`, against importing torch and torchvision; (b) photos per second
over a folder, against a loop over the same network in eager torch, decoding and torchvision's
transforms included; (c) pictures per second in training, all of EfficientNet-Lite0, against a loop
written by hand over the same batches, each in a process of its own. Commands run in turn, medians
are compared.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from common import CNNTASKS, IMPORTS, SAMPLES, make_photos, medians, print_machine, rate, seconds

EAGER = """
import sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from torchvision.transforms import v2
import cnntasks
net = cnntasks.create_classifier("efficientnet_lite0", weights="imagenet").eval()
transform = v2.Compose([v2.Resize(256, v2.InterpolationMode.BICUBIC), v2.CenterCrop(224)])
paths = sorted(Path(sys.argv[1]).glob("*.jpg"))
def once(path):
    picture = transform(Image.open(path).convert("RGB"))
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float()
    with torch.inference_mode():
        net((pixels - 127) / 128)["logits"].softmax(dim=1).topk(5)
for path in paths[:5]:
    once(path)
start = time.perf_counter()
for path in paths:
    once(path)
print(len(paths) / (time.perf_counter() - start))
"""

OURS = """
import sys, time
import cnntasks
classifier = cnntasks.load("classify", many=True)
start = time.perf_counter()
count = sum(outcome.error is None for outcome in classifier.stream(sys.argv[1]))
print(count / (time.perf_counter() - start))
"""

# Both train on the same batches; the clock runs from the second step to the last.
TRAINING = """
import sys, time, tempfile
from pathlib import Path
import torch
from cnntasks_classify.learner import ClassificationLearner, ClassificationSettings
from cnntasks_classify.parts import read_parts
from cnntasks_classify.starting import Start, start_network
parts = read_parts([sys.argv[1]], 0.1, 0)
network, card, _ = start_network(Start("speed", "efficientnet_lite0"), parts, lambda line: None)
steps, batch = STEPS, 16
settings = ClassificationSettings(batch=batch, per_epoch=steps * batch)
learner = ClassificationLearner(card, settings, parts.train, parts.validation[:1])
times = []
plain = learner.losses
def timed(network, given):
    times.append(time.perf_counter())
    return plain(network, given)
learner.losses = timed
"""
LIGHTNING = """
from cnntasks.training.fit import FitSettings, fit
with tempfile.TemporaryDirectory() as folder:
    fit(network, learner, FitSettings(epochs=1), Path(folder), device="cpu", progress=False)
"""
BY_HAND = """
groups = [{"params": it["params"], "lr": 1e-3 * it["scale"]}
          for it in learner.parameter_groups(network)]
optimizer = torch.optim.AdamW(groups)
learner.set_train_mode(network)
for given in learner.train_batches(0):
    loss = sum(learner.losses(network, given).values())
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
    optimizer.step()
"""
KEEPING = "from cnntasks.training.memory import keep_memory\nkeep_memory()\n"
PRINT = "\nprint((len(times) - 2) * batch / (times[-1] - times[1]))\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    options = parser.parse_args()
    print_machine("torch", "torchvision", "onnxruntime", "lightning", "numpy", "pillow")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        photo = str((SAMPLES / "dog.webp").resolve())
        seconds([*CNNTASKS, "classify", photo], folder)  # prepares the model where it is not yet
        times = medians(
            {"import": IMPORTS, "classify": [*CNNTASKS, "classify", photo]}, options.repeat, folder
        )
        base, cold = times["import"], times["classify"]
        print(f"import torch, torchvision: {base:.2f} s")
        print(f"(a) cold classify: {cold:.3f} s, ratio {cold / base:.3f}")
        make_photos(folder / "photos", options.photos)
        rates = [(rate(OURS, folder / "photos"), rate(EAGER, folder / "photos")) for _ in range(3)]
        ours, eager = (statistics.median(values) for values in zip(*rates, strict=True))
        print(f"(b) {ours:.1f} photos/s, eager torch {eager:.1f}, ratio {ours / eager:.2f}")
        for name in ("left", "right"):
            make_photos(folder / "classes" / name, 60)
        setup = TRAINING.replace("STEPS", str(options.steps))
        scripts = {
            "cnntasks": setup + LIGHTNING + PRINT,
            "by hand": setup + BY_HAND + PRINT,
            "by hand, memory kept": KEEPING + setup + BY_HAND + PRINT,
        }
        trained: dict[str, list[float]] = {name: [] for name in scripts}
        for _ in range(3):
            for name, script in scripts.items():
                trained[name].append(rate(script, folder / "classes"))
        middle = {name: statistics.median(values) for name, values in trained.items()}
        for name, value in middle.items():
            ratio = middle["cnntasks"] / value
            print(f"(c) {name}: {value:.2f} pictures/s, cnntasks is {ratio:.3f} of it")


if __name__ == "__main__":
    main()
