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
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

SAMPLES = Path(__file__).parent.parent / "samples"
CNNTASKS = [sys.executable, "-m", "cnntasks"]
IMPORTS = [sys.executable, "-c", "import torch, torchvision"]


def seconds(command: Sequence[str], cwd: Path) -> float:
    """Wall time of one command."""
    start = time.perf_counter()
    subprocess.run(command, check=True, cwd=cwd, capture_output=True)
    return time.perf_counter() - start


def medians(commands: dict[str, Sequence[str]], repeat: int, cwd: Path) -> dict[str, float]:
    """Median wall time of each command, the commands taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeat + 1):
        for name, command in commands.items():
            times[name].append(seconds(command, cwd))
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def make_photos(folder: Path, count: int) -> None:
    """Photos of about 500 pixels: crops of the samples at random places, as JPEG."""
    random = np.random.default_rng(0)
    pictures = [Image.open(path).convert("RGB") for path in sorted(SAMPLES.glob("*.webp"))]
    folder.mkdir()
    for number in range(count):
        picture = pictures[number % len(pictures)]
        width, height = (500, 375) if number % 4 else (375, 500)
        scale = random.uniform(0.55, 1.0)
        size = (round(picture.width * scale), round(picture.height * scale))
        resized = picture.resize((max(size[0], width), max(size[1], height)))
        x = int(random.integers(resized.width - width + 1))
        y = int(random.integers(resized.height - height + 1))
        resized.crop((x, y, x + width, y + height)).save(folder / f"{number:04}.jpg", quality=90)


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


def rate(code: str, folder: Path) -> float:
    """Pictures per second that a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], check=True, capture_output=True, text=True
    )
    return float(done.stdout.split()[-1])


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
    names = ("torch", "torchvision", "onnxruntime", "numpy", "pillow")
    print(f"{platform.machine()}, Python {platform.python_version()},", end=" ")
    print(", ".join(f"{name} {version(name)}" for name in names))
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
