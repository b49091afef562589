"""
Evaluates a regressor on rendered heads that training never saw, by yaw, skin, age, accessories, blur, resolution, noise and
occlusion, and prints a Markdown table for the model card: `python3 -m tddfa_training.report --run NAME`.
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from . import metrics
from .augment import blend, random_shape, skin_colour
from .head_crops import CropSampler
from .morphable_model import MorphableModel, shape_mode_signs
from .networks import MobileNetV1, expression_outputs_of, to_input
from .paths import runs_folder
from .rig import AGES

COUNT = 512


def occluded(images, rng, share):
    """Covers a square of `share` of each crop's side, near its middle, with something skin-coloured or grey."""
    result = images.copy()
    side = int(images.shape[1] * share)
    for image in result:
        patch = np.full((side, side, 3), skin_colour(rng) if rng.random() < 0.7 else rng.uniform(0, 255))
        x, y = (int(60 + rng.uniform(-35, 35) - side / 2) for _ in range(2))
        blend(image, patch, random_shape(rng, side, side), x, y)
    return result


def low_resolution(images, size):
    shrink = lambda image: cv2.resize(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), (120, 120), interpolation=cv2.INTER_LINEAR)
    return np.stack([shrink(image) for image in images])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--heads", type=Path, default=runs_folder() / "heads" / "held-out")
    args = parser.parse_args()
    stored = torch.load(runs_folder() / args.run / "best-ema.pth", map_location="cpu")
    network = MobileNetV1(stored["widen"], expression_outputs=expression_outputs_of(stored["state_dict"]))
    network.load_state_dict(stored["state_dict"])
    network.eval()
    model = MorphableModel.load()
    sampler = CropSampler(args.heads, shape_mode_signs(), held_out=True, augmented=False)
    rng = np.random.default_rng(21)
    indices = np.arange(COUNT) % len(sampler.heads)
    images, params, landmarks = sampler.batch(rng, COUNT, indices)
    looks = [sampler.heads.head(int(i))[1].get("look") for i in indices]

    def measure(pictures, rows=None):
        rows = np.arange(len(pictures)) if rows is None else rows
        if len(rows) == 0:
            return None
        with torch.no_grad():
            z = torch.cat([network(to_input(pictures[rows][i:i + 64]))[0] for i in range(0, len(rows), 64)])
            predicted = z * stored["std"] + stored["mean"]
            points = model(predicted)[:, :68, :2].numpy()
        return len(rows), metrics.report(predicted.numpy().astype(float), params[rows].astype(float), points, landmarks[rows])

    def line(name, measured):
        if measured is not None:
            count, r = measured
            angles = "  ".join(f"{r[k]:.2f}" if r[k] == r[k] else "-" for k in ("yaw_error", "pitch_error", "roll_error"))
            print(f"| {name} | {count} | {r['nme']:.2f} | {r['angle_error']:.2f} | {angles} |")

    print(f"{stored['seen']} samples\n\n| rendered hold-out | faces | NME % | angle | yaw pitch roll |\n| --- | --- | --- | --- | --- |")
    line("all", measure(images))
    yaw = np.abs(metrics.pose_degrees(params.astype(float))[:, 0])
    for low, high in metrics.YAW_BINS:
        line(f"yaw {low}-{high}", measure(images, np.nonzero((yaw >= low) & (yaw < high))[0]))
    if looks[0] is not None:
        looks = np.array(looks)
        for name, low, high in (("light skin", 0, 0.33), ("medium skin", 0.33, 0.67), ("dark skin", 0.67, 1.01)):
            line(name, measure(images, np.nonzero((looks[:, 0] >= low) & (looks[:, 0] < high))[0]))
        for age, name in enumerate(AGES):
            line(f"{name} skin", measure(images, np.nonzero(looks[:, 1] == age)[0]))
        for column, name in enumerate(("hat or scarf", "beard", "dark glasses", "mask"), 2):
            line(name, measure(images, np.nonzero(looks[:, column] == 1)[0]))
    for sigma in (1, 2, 3):
        line(f"blur, sigma {sigma} px", measure(np.stack([cv2.GaussianBlur(image, (0, 0), sigma) for image in images])))
    for size in (48, 32, 24):
        line(f"crop of {size} px", measure(low_resolution(images, size)))
    for sigma in (10, 25):
        noisy = np.clip(images + rng.normal(0, sigma, images.shape), 0, 255).astype(np.uint8)
        line(f"noise, sigma {sigma}", measure(noisy))
    for share in (0.2, 0.35, 0.5):
        line(f"covered, {int(100 * share)} % of the side", measure(occluded(images, rng, share)))
    for factor in (0.25, 0.5, 2.0):
        line(f"light x {factor}", measure(np.clip(images * factor, 0, 255).astype(np.uint8)))


if __name__ == "__main__":
    main()
