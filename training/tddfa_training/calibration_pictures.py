"""
Pictures for calibrating the ranges of a pack's networks, of rendered people from the training split:
`python3 -m tddfa_training.calibration_pictures --out DIR`, then `npx tddfa quantize PACK --calibrate DIR --out PACK`.

Portraits with one face of 40 to 280 px each are for the regressors; scenes like those the detector learns from are for both. Every
second picture is degraded as in training. The same shards and backgrounds give the same pictures.
"""
import argparse
from pathlib import Path

import cv2
import numpy as np

from .augment import degrade
from .paths import runs_folder
from .scenes import SceneSampler

PORTRAITS = 256
SCENES = 128
SIDES = (40.0, 280.0)  # px of a portrait's face
SEED = 61


def calibration_pictures(sampler, portraits, scenes):
    """BGR uint8 pictures, one after the other. `sampler` must not degrade its pictures itself."""
    rng = np.random.default_rng(SEED)
    for i in range(portraits + scenes):
        if i < portraits:
            side = float(np.exp(rng.uniform(*np.log(SIDES))))
            image, _ = sampler.portrait(rng, sampler.with_face[i % len(sampler.with_face)], side)
        else:
            image, _ = sampler.scene(rng)
        yield degrade(rng, image) if i % 2 else image


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--people", type=Path, default=runs_folder() / "people" / "train")
    parser.add_argument("--portraits", type=int, default=PORTRAITS)
    parser.add_argument("--scenes", type=int, default=SCENES)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sampler = SceneSampler(args.people, degraded=False)
    for i, image in enumerate(calibration_pictures(sampler, args.portraits, args.scenes)):
        cv2.imwrite(str(args.out / f"{i:04}.png"), image)


if __name__ == "__main__":
    main()
