"""Train and answer with a Llama-3-8B-shaped model on one GPU, 16 and 4 bits.

    python -m benchmarks.gpu                      # all of it, 40 minutes or so
    python -m benchmarks.gpu train-16-b4          # one measurement: each stays below ten minutes
    python -m benchmarks.gpu --tiny               # the same code on a CPU in a minute, to see that it runs

The marks to beat are RAFT's own: about 10 minutes for 100 rows, and a quarter of the weights' memory in 4 bits. Each
line of out/gpu.jsonl is one measurement with its device.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.gpu import measure
from benchmarks.gpu.apart import apart
from benchmarks.gpu.shape import FULL, SMALL, make_model

TRAININGS = {
    f"train-{bits}-b{batch}{'-gc' if checkpointing else ''}": {
        "bits": bits,
        "batch": batch,
        "checkpointing": checkpointing,
    }
    for bits in (16, 4)
    for batch, checkpointing in ((1, False), (2, False), (4, False), (4, True), (8, True), (16, True))
}
"""The batches that fit 80 GB with and without keeping activations, smallest first."""
ANSWERS = {f"answer-{bits}": {"bits": bits} for bits in (16, 4)}
TINY = ("train-16-b2", "train-4-b4-gc", "answer-16")


def main() -> None:
    """Run the measurements named on the command line, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"one of {', '.join([*TRAININGS, *ANSWERS])}"
    )
    parser.add_argument("--tiny", action="store_true", help="a tiny shape")
    parser.add_argument("--model", type=Path, default=None, help="where the model is made, or is already")
    parser.add_argument("--out", type=Path, default=Path("out/gpu.jsonl"))
    asked = parser.parse_args()
    folder = asked.model or Path("out") / ("gpu-model-tiny" if asked.tiny else "gpu-model")
    names = asked.names or (TINY if asked.tiny else [*TRAININGS, *ANSWERS])
    apart(make_model, folder, tiny=asked.tiny)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        print(f"{name} …", file=sys.stderr)
        size = SMALL if asked.tiny else FULL
        if name in TRAININGS:
            found = apart(measure.train, folder, size, **TRAININGS[name])
        else:
            found = apart(measure.answer, folder, size, **ANSWERS[name])
        line = json.dumps({"name": name, "shape": size.shape, "device": apart(measure.device), **found})
        print(line)
        with asked.out.open("a") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
