"""Speed of `cnntasks speech`, as ratios measured in one run on one machine.

    python benchmarks/speech.py [--model NAME|FOLDER] [--minutes 60] [--clips 400] [--repeat 5]

(a) A cold `cnntasks speech clip.wav`, against importing torch and torchaudio; (b) one recording of
an hour from the command line, its start included, and peak memory against a recording of a sixth
of that; (c) features and network, clips per second from samples in memory, against a plain loop of
torchaudio's MelSpectrogram and the same network in eager torch, one clip at a time; (d) the same
of a long recording, in windows per second; (e) how much later than the end of its window a word
is printed, when a recording is piped in real time. The recordings are samples/speech/talk.flac
over and over, with noise. Commands run in turn, medians are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from common import CNNTASKS, SAMPLES, medians, print_machine

import cnntasks

IMPORTS = [sys.executable, "-c", "import torch, torchaudio"]
TALK = SAMPLES / "speech" / "talk.flac"

#: Both print clips per second, then windows per second of the long recording.
OURS = """
import sys, time
import cnntasks, soundfile
clips, rate = soundfile.read(sys.argv[1], dtype="float32")
clips = clips.reshape(-1, rate)
model = cnntasks.load("speech", MODEL, many=True)
values = [(clip, rate) for clip in clips]
for values in (values[:20], values):
    start = time.perf_counter()
    results = model(values)
    clips_a_second = len(values) / (time.perf_counter() - start)
whole = clips.reshape(-1)
start = time.perf_counter()
model((whole, rate))
windows = len(whole) / rate / (model.predictor.hop * model.predictor.step)
print(clips_a_second, windows / (time.perf_counter() - start))
"""

EAGER = """
import sys, time
import cnntasks, soundfile, torch, torchaudio
from pathlib import Path
from cnntasks_speech.network import build
from safetensors.torch import load_file
folder = Path(MODEL)
card = cnntasks.read_card(folder)
net = build(card).eval()
state = load_file(folder / "weights.safetensors")
net.load_state_dict({name: value.float() if value.is_floating_point() else value
                     for name, value in state.items()})
s = card.preprocessing
window, hop = round(s["rate"] * s["window_ms"] / 1000), round(s["rate"] * s["hop_ms"] / 1000)
mel = torchaudio.transforms.MelSpectrogram(
    s["rate"], n_fft=window, hop_length=hop, n_mels=s["n_mels"], f_min=s["low"], f_max=s["high"],
    center=False)
clips, rate = soundfile.read(sys.argv[1], dtype="float32")
needed = (s["frames"] - 1) * hop + window
@torch.inference_mode()
def once(samples):
    wave = torch.zeros(needed)
    wave[: len(samples)] = torch.from_numpy(samples[:needed])
    features = mel(wave).clamp(min=s["floor"]).log()
    scores = net(features=features[None])["logits"].softmax(dim=1)[0]
    return card.classes[int(scores.argmax())]
whole = clips
clips = clips.reshape(-1, rate)
for clip in clips[:20]:
    once(clip)
start = time.perf_counter()
for clip in clips:
    once(clip)
clips_a_second = len(clips) / (time.perf_counter() - start)
step = round(0.1 * rate)
places = range(0, len(whole) - needed, step)[: 4 * len(clips)]
start = time.perf_counter()
for place in places:
    once(whole[place : place + needed])
print(clips_a_second, len(places) / (time.perf_counter() - start))
"""


def write_talk(path: Path, seconds: float) -> None:
    """The sample over and over, with noise at random levels, as 16-bit FLAC."""
    talk, rate = soundfile.read(TALK, dtype="float32")
    random = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", rate, 1, "PCM_16", format="FLAC") as file:
        left = round(seconds * rate)
        while left > 0:
            level = 10 ** random.uniform(-4, -2)
            samples = talk + random.normal(0, level, len(talk)).astype(np.float32)
            file.write(samples[:left].clip(-1, 1))
            left -= len(talk)


def run_long(path: Path, model: str, cwd: Path) -> tuple[float, float, int]:
    """Wall seconds, peak resident memory in MB and words of the command line over a recording."""
    code = (
        "import sys; from cnntasks.cli.root import main; "
        f"main(['speech', {str(path)!r}, '--model', {model!r}, '-o', 'long.jsonl', '-q']); "
        "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=cwd
    )
    wall = time.perf_counter() - start
    unit = 2**20 if sys.platform == "darwin" else 2**10
    words = len(json.loads((cwd / "long.jsonl").read_text(encoding="utf-8"))["words"])
    return wall, int(done.stdout.split()[-1]) / unit, words


def two_rates(code: str, path: Path) -> tuple[float, float]:
    """The two numbers that a script prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, capture_output=True, text=True
    )
    first, second = map(float, done.stdout.split()[-2:])
    return first, second


def measure_delays(model: str, half_window: float, seconds: float) -> list[float]:
    """Seconds from the end of the window that has a word in its middle to its line, in real time.

    Args:
        model: name or folder.
        half_window: seconds.
        seconds: of the sample that are spoken.
    """
    samples, rate = soundfile.read(TALK, dtype="int16")
    samples = samples[: round(seconds * rate)]
    command = [*CNNTASKS, "speech", "-", "--raw", str(rate), "--format", "json", "--model", model]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stderr.readline()  # what it runs on: now it listens
    start = time.perf_counter()

    def speak(stream: Any) -> None:
        step = rate // 50
        for place in range(0, len(samples), step):
            time.sleep(max(start + (place + step) / rate - time.perf_counter(), 0))
            stream.write(samples[place : place + step].tobytes())
            stream.flush()
        stream.close()

    speaker = threading.Thread(target=speak, args=(process.stdin,))
    speaker.start()
    delays = []
    for line in process.stdout:
        word = json.loads(line)
        middle = (word["start"] + word["end"]) / 2
        delays.append(time.perf_counter() - start - middle - half_window)
    speaker.join()
    process.wait()
    return delays


def main() -> None:
    """Print a line for each measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--model", default="commands")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--repeat", type=int, default=5)
    given = parser.parse_args()
    print_machine("torch", "torchaudio", "onnxruntime", "soundfile", "numpy")
    folder = str(cnntasks.find_model("speech", given.model).resolve())
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        clip = place / "clip.wav"
        samples, rate = soundfile.read(TALK, dtype="int16")
        soundfile.write(clip, samples[:rate], rate)
        cold = [*CNNTASKS, "speech", str(clip), "--model", folder]
        times = medians({"cold": cold, "import": IMPORTS}, given.repeat, place)
        print(f"(a) cold start {times['cold']:.2f} s, importing torch and torchaudio "
              f"{times['import']:.2f} s: ratio {times['cold'] / times['import']:.2f} "
              "(at most 0.25)")  # fmt: skip
        sixth, whole = place / "sixth.flac", place / "whole.flac"
        write_talk(sixth, given.minutes * 10)
        write_talk(whole, given.minutes * 60)
        _, little, _ = run_long(sixth, folder, place)
        wall, much, words = run_long(whole, folder, place)
        print(f"(b) {given.minutes:g} minutes in {wall:.1f} s ({words} words), "
              f"{given.minutes * 60 / wall:.0f} times real time (an hour: under 60 s); peak memory "
              f"{much:.0f} MB, of a sixth {little:.0f} MB: ratio {much / little:.2f}")  # fmt: skip
        clips = place / "clips.flac"
        write_talk(clips, given.clips)
        ours, eager = [], []
        for _ in range(given.repeat):
            ours.append(two_rates(OURS.replace("MODEL", repr(folder)), clips))
            eager.append(two_rates(EAGER.replace("MODEL", repr(folder)), clips))
        for letter, noun, index in (("c", "clips", 0), ("d", "windows of a recording", 1)):
            fast = statistics.median(pair[index] for pair in ours)
            slow = statistics.median(pair[index] for pair in eager)
            print(f"({letter}) {fast:.0f} {noun} a second, torchaudio and eager torch {slow:.0f}: "
                  f"ratio {fast / slow:.1f} (at least 3)")  # fmt: skip
    card = cnntasks.read_card(Path(folder))
    half = card.preprocessing["frames"] * card.preprocessing["hop_ms"] / 2000
    delays = measure_delays(folder, half, 17.0)
    if delays:
        print(f"(e) {len(delays)} words printed {statistics.median(delays):.2f} s after the end of "
              f"their window, at most {max(delays):.2f} s (under 0.5 s)")  # fmt: skip
    else:
        print("(e) no word was heard")


if __name__ == "__main__":
    main()
