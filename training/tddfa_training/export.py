"""
Stage 4: takes the weights out of a training checkpoint, in the form that `npx tddfa convert` reads:
`python3 -m tddfa_training.export --run DIR --out NAME` writes NAME.pth (tensors only, in torch's zip format) and, for a
regressor, NAME-mean-std.npz.
"""
import argparse
from pathlib import Path

import numpy as np
import torch

from .paths import runs_folder


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="name of a run, or a checkpoint file")
    parser.add_argument("--out", type=Path, required=True, help="path without suffix")
    args = parser.parse_args()
    given = Path(args.run)
    if given.is_file():
        file = given
    else:
        folder = runs_folder() / args.run
        file = next((folder / name for name in ("best-ema.pth", "calibrated.pth", "averaged.pth", "last.pth") if (folder / name).exists()), None)
        if file is None:
            parser.error(f"{folder} has no checkpoint")
    stored = torch.load(file, map_location="cpu")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    state = {key: value.contiguous() for key, value in stored["state_dict"].items()}
    torch.save({"state_dict": state}, args.out.with_suffix(".pth"))
    if "mean" in stored:
        np.savez(args.out.parent / f"{args.out.name}-mean-std.npz", mean=stored["mean"].numpy(), std=stored["std"].numpy())
    print(f"{file}: {stored['seen']} samples; held out {stored.get('held_out')}")


if __name__ == "__main__":
    main()
