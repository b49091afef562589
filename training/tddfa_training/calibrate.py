"""
Shifts a detector's scores so that the usual threshold of 0.5 is the right one. `export` does this; on its own,
`python3 -m tddfa_training.calibrate --run NAME` prints the table.

On rendered hold-out pictures it finds the score at which F1 is best with at most one false box on five times the area of the
largest input, 1080 x 720 px, and adds the matching constant to the biases of the class heads; ranking and AP do not change. The
limit is needed because F1 alone trades many false boxes for the smallest faces, and it is relative to area because a photograph
has more room for them than the small pictures here.
"""
import argparse
from pathlib import Path

import numpy as np
import torch

from . import faceboxes
from .paths import runs_folder
from .scenes import SCENE_SIZE, SceneSampler
from .train_detector import average_precision

PICTURES = 400
MOST_FALSE = 0.2  # boxes on LARGEST_INPUT
LARGEST_INPUT = 1080 * 720  # px
MOST_FALSE_PER_PICTURE = MOST_FALSE * (SCENE_SIZE * faceboxes.ENLARGEMENT) ** 2 / LARGEST_INPUT


def shift_scores(state, shift):
    """Adds `shift` to the log-odds of "face" everywhere."""
    moved = dict(state)
    for level, anchors in enumerate((21, 1, 1)):
        bias = moved[f"conf.{level}.bias"].clone().reshape(anchors, 2)
        bias[:, 1] += shift
        moved[f"conf.{level}.bias"] = bias.reshape(-1)
    return moved


def shifted_boxes(boxes, shift):
    """Detections [n, 5] with scores changed as by `shift_scores`."""
    odds = 1 / np.clip(boxes[:, 4], 1e-6, 1 - 1e-6) - 1
    return np.column_stack([boxes[:, :4], 1 / (1 + odds * np.exp(-shift))])


def best_shift(table):
    """The shift with the best F1 among those with few false boxes; if all have many, the one with the fewest."""
    few = [shift for shift in table if table[shift]["false_per_picture"] <= MOST_FALSE_PER_PICTURE]
    return max(few, key=lambda shift: table[shift]["f1"]) if few else min(table, key=lambda shift: table[shift]["false_per_picture"])


def calibrate(state, people, pictures=PICTURES):
    """
    @param state of a FaceBoxes; `people` the folder of the hold-out's shards.
    @returns the shifted state, the shift, and the figures for each shift tried, {shift: average_precision with "f1"}.
    """
    network = faceboxes.FaceBoxes()
    network.load_state_dict(state)
    network.eval()
    images, truths = SceneSampler(people, held_out=True).batch(np.random.default_rng(31), pictures)
    results = [faceboxes.detect(network, image, score=0.01, enlargement=faceboxes.ENLARGEMENT) for image in images]
    faces = sum(int((truth[:, 4] > 0).sum()) for truth in truths)
    table = {}
    for shift in np.arange(-3, 3.01, 0.25):
        figures = average_precision([shifted_boxes(boxes, shift) for boxes in results], truths)
        found = figures["recall"] * faces
        figures["f1"] = 2 * found / max(found + figures["false_per_picture"] * pictures + faces, 1)
        table[float(shift)] = figures
    best = best_shift(table)
    return shift_scores(state, best), best, table


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--people", type=Path, default=runs_folder() / "people" / "held-out")
    args = parser.parse_args()
    stored = torch.load(runs_folder() / args.run / "averaged.pth", map_location="cpu")
    _, best, table = calibrate(stored["state_dict"], args.people)
    print("| shift | F1 | recall | false boxes per picture | AP | mean IoU |\n| --- | --- | --- | --- | --- | --- |")
    for shift, figures in table.items():
        print(f"| {shift:+.2f} | {figures['f1']:.4f} | {figures['recall']:.3f} | {figures['false_per_picture']:.3f} | {figures['ap']:.3f} | "
              f"{figures['mean_iou']:.3f} |")
    print(f"\nshift {best:+.2f} is best")


if __name__ == "__main__":
    main()
