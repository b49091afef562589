"""
Stage 4: extracts the weights from a training checkpoint, in the form that `npx tddfa convert` and `--init` read:
`python3 -m tddfa_training.export --run DIR --out NAME` writes NAME.pth (tensors only, in torch's zip format) and, for a
regressor, NAME-mean-std.npz. It also calibrates a detector's scores on rendered hold-out pictures (calibrate.py).
"""
import argparse
from pathlib import Path

import numpy as np
import torch

from .calibrate import calibrate
from .paths import runs_folder
from .train_regressor import STATISTICS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="name of a run, or a checkpoint file")
    parser.add_argument("--out", type=Path, required=True, help="path without suffix")
    parser.add_argument("--people", type=Path, default=runs_folder() / "people" / "held-out", help="shards to calibrate a detector on")
    parser.add_argument("--no-calibration", action="store_true", help="keep a detector's scores uncalibrated")
    args = parser.parse_args()
    given = Path(args.run)
    if given.is_file():
        file = given
    else:
        folder = runs_folder() / args.run
        file = next((folder / name for name in ("best-ema.pth", "averaged.pth", "last.pth") if (folder / name).exists()), None)
        if file is None:
            parser.error(f"{folder} has no checkpoint")
    stored = torch.load(file, map_location="cpu")
    state = {key: value.contiguous() for key, value in stored["state_dict"].items()}
    print(f"{file}: {stored['seen']} samples; hold-out {stored.get('held_out')}")
    if "conf.0.bias" in state and not args.no_calibration:
        state, shift, table = calibrate(state, args.people)
        at = table[shift]
        print(f"scores shifted by {shift:+.2f}: at 0.5 on 400 other pictures recall {at['recall']:.3f}, {at['false_per_picture']:.3f} false boxes a "
              f"picture, mean IoU {at['mean_iou']:.3f}, AP {at['ap']:.3f}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"state_dict": state}, f"{args.out}.pth")
    if "mean" in stored:
        np.savez(f"{args.out}-mean-std.npz", **{name: stored[name].numpy() for name in STATISTICS if name in stored})


if __name__ == "__main__":
    main()
