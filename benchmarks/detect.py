"""Speed of `cnntasks detect`, as ratios measured in one run on one machine.

    python benchmarks/detect.py [--photos 200] [--repeat 5]

(a) `cnntasks --help` and (b) a cold `cnntasks detect PHOTO`, against importing torch and
torchvision; (c) pictures per second over a folder, against a loop over torchvision's
fasterrcnn_mobilenet_v3_large_320_fpn in eager torch (random weights: the speed does not depend on
them, but the number of detections does, so its score threshold is above all of them); (d) peak
memory over many pictures against few. Commands run in turn, medians are compared.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from common import CNNTASKS, IMPORTS, SAMPLES, make_photos, medians, print_machine, rate, seconds

EAGER = """
import sys, time
from pathlib import Path
import numpy as np, torch
from PIL import Image
from torchvision.models.detection import fasterrcnn_mobilenet_v3_large_320_fpn as make
torch.manual_seed(0)
net = make(weights=None, weights_backbone=None).eval()
net.roi_heads.score_thresh = 0.99
paths = sorted(Path(sys.argv[1]).glob("*.jpg"))
def once(path):
    pixels = torch.from_numpy(np.array(Image.open(path).convert("RGB")))
    with torch.inference_mode():
        net([pixels.permute(2, 0, 1).float() / 255])
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
detector = cnntasks.load("detect", many=True)
paths = sys.argv[1]
start = time.perf_counter()
count = sum(outcome.error is None for outcome in detector.stream(paths))
print(count / (time.perf_counter() - start))
"""


def peak_memory(folder: Path, cwd: Path) -> float:
    """Peak resident memory in MB of the command line over a folder."""
    code = (
        "import sys; from cnntasks.cli.root import main; "
        f"main(['detect', {str(folder)!r}, '--no-picture', '--format', 'json', '-q']); "
        "import resource; "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=cwd
    )
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return int(done.stderr.split()[-1]) / unit


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--many", type=int, default=1000)
    options = parser.parse_args()
    print_machine("torch", "torchvision", "onnxruntime", "numpy", "pillow")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        photo = str((SAMPLES / "dog.webp").resolve())
        times = medians(
            {
                "import": IMPORTS,
                "help": [*CNNTASKS, "--help"],
                "detect": [*CNNTASKS, "detect", photo],
            },
            options.repeat,
            folder,
        )
        base = times["import"]
        print(f"import torch, torchvision: {base:.2f} s")
        print(f"(a) cnntasks --help: {times['help']:.3f} s, ratio {times['help'] / base:.3f}")
        print(f"(b) cold detect: {times['detect']:.3f} s, ratio {times['detect'] / base:.3f}")
        make_photos(folder / "photos", options.photos)
        rates = [(rate(OURS, folder / "photos"), rate(EAGER, folder / "photos")) for _ in range(3)]
        ours, eager = (statistics.median(values) for values in zip(*rates, strict=True))
        command = [*CNNTASKS, "detect", str(folder / "photos"), "--format", "json", "-q"]
        plain = options.photos / seconds([*command, "--no-picture"], folder)
        drawn = options.photos / seconds([*command, "-o", str(folder / "out")], folder)
        print(f"(c) {ours:.1f} pictures/s, eager torchvision {eager:.1f}, ratio {ours / eager:.2f}")
        print(f"    command line, start included: {plain:.1f}/s, pictures written: {drawn:.1f}/s")
        make_photos(folder / "few", 50)
        make_photos(folder / "many", options.many)
        few, many = peak_memory(folder / "few", folder), peak_memory(folder / "many", folder)
        print(f"(d) peak memory {few:.0f} MB over 50, {many:.0f} MB over {options.many}:", end=" ")
        print(f"ratio {many / few:.3f}")


if __name__ == "__main__":
    main()
