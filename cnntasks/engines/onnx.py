"""ONNX Runtime on the CPU: opens in a fraction of a second and never imports torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnntasks.engines.base import available_cores
from cnntasks.errors import ModelError

if TYPE_CHECKING:
    from cnntasks.engines.base import Arrays


class OnnxEngine:
    """Runs the `graph.onnx` of a model folder.

    Args:
        graph: the file; its weights lie beside it.
        parallel: run whole pictures side by side, one core each, instead of splitting one
            picture's work over all cores. Better for many inputs, worse for a single one.
        outputs: the names of those that are wanted, and fetched; all of the graph's when None.

    Raises:
        ModelError: the graph cannot be opened, or lacks one of `outputs`.
    """

    def __init__(
        self, graph: Path, parallel: bool = False, outputs: Sequence[str] | None = None
    ) -> None:
        import onnxruntime

        cores = available_cores()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1 if parallel else cores
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if parallel:
            # Pictures of many shapes in several threads: a growing arena would keep them all.
            options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(
                str(graph), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises its own unrelated classes
            line = str(error).splitlines()[0]
            raise ModelError(f"{graph}: ONNX Runtime cannot open this model ({line})") from error
        names = [output.name for output in self._session.get_outputs()]
        self._names = names if outputs is None else list(outputs)
        if missing := sorted(set(self._names) - set(names)):
            raise ModelError(
                f"{graph}: has no output {missing[0]!r}, only {', '.join(names)}; write the model "
                "again with `cnntasks train`"
            )
        self.concurrency = cores if parallel else 1
        self.description = f"ONNX Runtime {onnxruntime.__version__} on cpu"

    def run(self, feeds: Arrays) -> Arrays:
        """Outputs by name for feeds by name; may be called from several threads.

        Raises:
            ModelError: the feeds do not fit the graph.
        """
        try:
            values: list[Any] = self._session.run(self._names, feeds)
        except Exception as error:  # as above
            line = str(error).splitlines()[0]
            raise ModelError(f"the network cannot run on this input ({line})") from error
        return dict(zip(self._names, values, strict=True))
