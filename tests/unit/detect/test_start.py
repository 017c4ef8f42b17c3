"""What a prediction does not import, since everything that it does is waited for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SAMPLE = Path(__file__).parents[3] / "samples" / "cat.webp"
CODE = f"""
import sys
from pathlib import Path
import cnntasks, cnntasks_detect.cards
from cnntasks_detect.predictor import DetectPredictor
card = cnntasks.ModelCard("m", "detect", {{"name": "faster_rcnn"}}, ("cat",),
                          {{"size": 64, "multiple": 32, "fill": [0, 0, 0]}})
path = Path({str(SAMPLE)!r})
picture = DetectPredictor(card).decode(cnntasks.Source("cat", path, path.read_bytes, path))
assert picture.pixels.ndim == 3
print(*sys.modules)
"""


def test_neither_readers_of_data_sets_nor_formats_that_the_picture_has_not() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    modules = set(done.stdout.split())
    assert {"cnntasks_detect.published", "PIL.WebPImagePlugin"} <= modules
    readers = {f"cnntasks_detect.data.{name}" for name in ("coco", "voc", "yolo", "records")}
    assert not modules & (readers | {"PIL.FitsImagePlugin", "PIL.PdfImagePlugin", "torch", "rich"})
