"""
Moves a detector's scores so that the usual threshold of 0.5 is the right one: `python3 -m tddfa_training.calibrate --run NAME`.

On rendered hold-out pictures it looks for the score at which F1 is best, and adds the matching constant to the biases of the
class heads; ranking and AP stay as they are. Writes NAME/calibrated.pth.
"""
import argparse
from pathlib import Path

import numpy as np
import torch

from . import faceboxes
from .paths import runs_folder
from .scenes import SceneSampler
from .train_detector import average_precision

PICTURES = 400


def shift_scores(state, shift):
    """Adds `shift` to the log-odds of "face" everywhere."""
    moved = dict(state)
    for level, anchors in enumerate((21, 1, 1)):
        bias = moved[f"conf.{level}.bias"].clone().reshape(anchors, 2)
        bias[:, 1] += shift
        moved[f"conf.{level}.bias"] = bias.reshape(-1)
    return moved


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--people", type=Path, default=runs_folder() / "people" / "held-out")
    args = parser.parse_args()
    folder = runs_folder() / args.run
    stored = torch.load(folder / "averaged.pth", map_location="cpu")
    network = faceboxes.FaceBoxes()
    network.load_state_dict(stored["state_dict"])
    network.eval()
    images, truths = SceneSampler(args.people, held_out=True).batch(np.random.default_rng(31), PICTURES)
    results = [faceboxes.detect(network, image, score=0.01) for image in images]
    faces = sum(int((truth[:, 4] > 0).sum()) for truth in truths)
    best = (0.0, 0.0)
    for logit in np.arange(-3, 3.01, 0.25):
        moved = [np.column_stack([r[:, :4], 1 / (1 + (1 / np.clip(r[:, 4], 1e-6, 1 - 1e-6) - 1) * np.exp(-logit))]) for r in results]
        figures = average_precision(moved, truths)
        found = figures["recall"] * faces
        f1 = 2 * found / max(found + figures["false_per_picture"] * PICTURES + faces, 1)
        print(f"shift {logit:+.2f}: F1 {f1:.4f}, recall {figures['recall']:.3f}, false boxes a picture {figures['false_per_picture']:.3f}, "
              f"AP {figures['ap']:.3f}, mean IoU {figures['mean_iou']:.3f}")
        best = max(best, (f1, float(logit)))
    torch.save({"state_dict": shift_scores(stored["state_dict"], best[1]), "seen": stored["seen"], "shift": best[1],
                "held_out": stored.get("held_out")}, folder / "calibrated.pth")
    print(f"shift {best[1]:+.2f} taken")


if __name__ == "__main__":
    main()
