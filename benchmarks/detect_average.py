"""The mean of several detectors' weights as a new one (model soups, Wortsman et al. 2022).

    python benchmarks/detect_average.py MODEL MODEL... -o OUT

The models have to come from the same start; the card is the first one's without what
was measured on it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from cnntasks_detect.learner import graph_spec
from cnntasks_detect.network import build

import cnntasks


def main() -> None:
    """Read, average, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", type=Path, metavar="MODEL")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT")
    options = parser.parse_args()
    card = replace(cnntasks.read_card(options.models[0]), metrics={}, tables={})
    parts = [cnntasks.read_weights(folder) for folder in options.models]
    mean = {name: np.mean([part[name] for part in parts], axis=0) for name in parts[0]}
    network = build(card)
    own = network.state_dict()
    network.load_state_dict(
        {name: torch.from_numpy(np.asarray(value)).to(own[name]) for name, value in mean.items()}
    )
    cnntasks.write_model(network, graph_spec(card.preprocessing["multiple"]), card, options.output)


if __name__ == "__main__":
    main()
