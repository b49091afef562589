"""
Evaluates a detector on rendered people that training never saw, one per picture, by size, yaw, roll, skin, age, accessories, blur,
noise, cover and light, and prints a Markdown table for the model card: `python3 -m tddfa_training.report_detector --weights FILE`.

FILE is a checkpoint or the output of `export` (with calibrated scores).
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from . import faceboxes
from .paths import runs_folder
from .rig import AGES
from .scenes import SceneSampler
from .train_detector import average_precision

SIZES = (20, 32, 64, 128, 280)
OVERLAP = 0.5
COUNT = 480


def judge(found, box):
    """Best overlap with `box` [4] of the boxes `found` [n, 5] over score 0.5 (0 if it is below 0.5), and how many are elsewhere."""
    found = found[found[:, 4] > 0.5]
    if len(found) == 0:
        return 0.0, 0
    overlap = faceboxes.box_overlap(torch.tensor(found[:, :4], dtype=torch.float32), torch.tensor(box[None], dtype=torch.float32))[:, 0].numpy()
    return (float(overlap.max()) if overlap.max() >= OVERLAP else 0.0), int((overlap < OVERLAP).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--people", type=Path, default=runs_folder() / "people" / "held-out")
    parser.add_argument("--enlargement", type=float, default=faceboxes.ENLARGEMENT, help="factor by which pictures are enlarged before detection")
    args = parser.parse_args()
    torch.set_num_threads(1)
    network = faceboxes.FaceBoxes()
    network.load_state_dict(torch.load(args.weights, map_location="cpu")["state_dict"])
    network.eval()
    sampler = SceneSampler(args.people, held_out=True)
    rng = np.random.default_rng(43)
    images, boxes, labels = [], [], []
    for i in range(COUNT):
        index = int(sampler.with_face[i % len(sampler.with_face)])
        side = float(np.exp(rng.uniform(np.log(SIZES[0]), np.log(SIZES[-1]))))
        image, box = sampler.portrait(rng, index, side)
        images.append(image)
        boxes.append(box)
        labels.append(sampler.heads.head(index)[1])
    boxes = np.array(boxes)

    def line(name, pictures, rows=None):
        rows = np.arange(COUNT) if rows is None else rows
        if len(rows):
            found = [faceboxes.detect(network, pictures[i], enlargement=args.enlargement) for i in rows]
            overlaps, others = np.array([judge(f, boxes[i]) for f, i in zip(found, rows)]).T
            precision = average_precision(found, [np.append(boxes[i], 1)[None] for i in rows], OVERLAP)["ap"]
            mean = overlaps[overlaps > 0].mean() if (overlaps > 0).any() else float("nan")
            print(f"| {name} | {len(rows)} | {100 * (overlaps > 0).mean():.1f} | {mean:.3f} | {others.mean():.3f} | {precision:.3f} |", flush=True)

    print("| one rendered person | pictures | found % | mean IoU | other boxes per picture | AP |\n| --- | --- | --- | --- | --- | --- |")
    line("all", images)
    sides = (boxes[:, 2:] - boxes[:, :2]).mean(1)
    line(f"all from {SIZES[1]} px", images, np.nonzero(sides >= SIZES[1])[0])
    for low, high in zip(SIZES, SIZES[1:]):
        line(f"face of {low}-{high} px", images, np.nonzero((sides >= low) & (sides < high))[0])
    large = sides >= SIZES[1]
    yaw = np.array([abs(label["pose"][0]) for label in labels])
    for low, high in ((0, 30), (30, 60), (60, 90)):
        line(f"yaw {low}-{high}, from 32 px", images, np.nonzero(large & (yaw >= low) & (yaw < high))[0])
    roll = np.array([abs(label["pose"][2]) for label in labels])
    for low, high in ((0, 30), (30, 60), (60, 91), (91, 181)):
        line(f"roll {low}-{high}, yaw below 60, from 32 px", images, np.nonzero(large & (yaw < 60) & (roll >= low) & (roll < high))[0])
    looks = np.array([label["look"] for label in labels])
    for name, low, high in (("light skin", 0, 0.33), ("medium skin", 0.33, 0.67), ("dark skin", 0.67, 1.01)):
        line(f"{name}, from 32 px", images, np.nonzero(large & (looks[:, 0] >= low) & (looks[:, 0] < high))[0])
    for age, name in enumerate(AGES):
        line(f"{name} skin, from 32 px", images, np.nonzero(large & (looks[:, 1] == age))[0])
    for column, name in enumerate(("hat or scarf", "beard", "dark glasses", "mask"), 2):
        line(f"{name}, from 32 px", images, np.nonzero(large & (looks[:, column] == 1))[0])
    rows = np.nonzero(large)[0][::2]
    for sigma in (1, 2, 3):
        line(f"blur, sigma {sigma} px, from 32 px", [cv2.GaussianBlur(image, (0, 0), sigma) for image in images], rows)
    for sigma in (10, 25):
        line(f"noise, sigma {sigma}, from 32 px", [np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8) for image in images], rows)
    for factor in (0.25, 2.0):
        line(f"light x {factor}, from 32 px", [np.clip(image * factor, 0, 255).astype(np.uint8) for image in images], rows)
    for share in (0.3, 0.5, 0.7):
        line(f"covered, {int(100 * share)} % of the side, from 32 px", [sampler.cover(rng, image, box, share) for image, box in zip(images, boxes)], rows)


if __name__ == "__main__":
    main()
