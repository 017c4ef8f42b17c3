"""A small network's weights and graph, a loopback server, and a cache of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from loopback import Site
from model_samples import Arrays, build_model
from numpy.typing import NDArray

from cnntasks.models import download
from cnntasks.models.card import ModelCard


@pytest.fixture
def card() -> ModelCard:
    return ModelCard(name="tiny", task="detect", network={"name": "tiny"}, classes=("cat",))


@pytest.fixture
def weights() -> Arrays:
    """The state dict of convolution, batch normalisation and linear layer, as torch names it."""
    rng = np.random.default_rng(0)

    def normal(*shape: int) -> NDArray[Any]:
        return rng.normal(0, 0.1, shape).astype(np.float32)

    return {
        "conv.weight": normal(32, 16, 3, 3),
        "bn.weight": normal(32) + 1,
        "bn.bias": normal(32),
        "bn.running_mean": normal(32),
        "bn.running_var": normal(32) ** 2 + 1,
        "bn.num_batches_tracked": np.array(7, dtype=np.int64),
        "fc.weight": normal(64, 32),
        "fc.bias": normal(64),
    }


@pytest.fixture
def model(weights: Arrays) -> onnx.ModelProto:
    """Conv, BatchNormalization, pooling and Gemm; the exporter renamed the linear layer."""
    return build_model(weights, rename={"fc.weight": "val_7"})


@pytest.fixture
def serve() -> Iterator[Callable[[], Site]]:
    """Start loopback servers; each call returns the `Site` of a new one."""
    servers = []

    def start() -> Site:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.answer(self)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        site = Site(url=f"http://127.0.0.1:{server.server_port}/tiny.pth")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        servers.append((server, thread))
        return site

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def site(serve: Callable[[], Site], monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return serve()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CNNTASKS_CACHE", str(folder))
    return folder
