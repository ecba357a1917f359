"""Write the hashes by which the first test examples of data sets are recognized.

``python -m perf.standard_images mnist --data-root DIR``, or with ``--data FILE.npz`` of the first
images in their official order.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmark.datasets import load_dataset, load_npz
from benchmark.datasets.standard import FOLDER, SIZES, example_keys

TARGET = Path(__file__).parents[1] / "benchmark" / "datasets" / FOLDER


def main() -> None:
    """Write one data set's file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", choices=SIZES)
    parser.add_argument("--data-root", type=Path, help="folder of data sets")
    parser.add_argument("--data", type=Path, help="an archive with the first test images")
    given = parser.parse_args()
    data = (
        load_dataset(given.dataset, data_root=given.data_root)
        if given.data is None
        else load_npz(given.data, name=given.dataset)
    )
    keys = example_keys(data.images, data.labels).numpy().astype(np.dtype("<u4"))
    TARGET.mkdir(exist_ok=True)
    (TARGET / f"{given.dataset}.bin").write_bytes(keys.tobytes())
    print(f"{len(keys):,} of {SIZES[given.dataset]:,} examples")


if __name__ == "__main__":
    main()
