"""
Renders the page's samples, people who do not exist: `python3 -m tddfa_training.render_samples`. Their heads come from MakeHuman's CC0
data and the code here, and their backgrounds are computed, so the pictures are CC0 too. The same seeds give the same pictures.
"""
import argparse
import zlib
from pathlib import Path

import cv2
import numpy as np

from .heads import HeadRenderer

HEIGHT = 480
CANVAS_MM = 330.0
QUALITY = 88

# Name of the picture, and of each person, from left to right: a seed, and yaw, pitch and roll.
SAMPLES = {
    "sample-two": ((51, (18, -2, 3)), (9, (-20, 3, -4))),
    "sample-side": ((32, (58, 0, 0)),),
}


def background(rng, width):
    """A wall, softly lit from one side: [HEIGHT, width, 3], linear 0..1."""
    colour = rng.uniform(0.12, 0.45) * np.exp(rng.normal(0, 0.16, 3))
    y, x = np.mgrid[0:HEIGHT, 0:width] / HEIGHT
    light = np.exp(-((x - rng.uniform(0, width / HEIGHT)) ** 2 + (y - rng.uniform(0, 0.6)) ** 2) / 0.9)
    return colour * (0.55 + 0.75 * light[..., None])


def sample(renderer, name, people):
    """BGR uint8."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    step = int(HEIGHT * 0.72)
    width = HEIGHT + step * (len(people) - 1)
    wall = 255 * background(rng, width) ** (1 / 2.2)
    picture = wall + rng.normal(0, 1.5, wall.shape)
    for i, (seed, pose) in enumerate(people):
        renderer.forget()
        head = renderer.render(np.random.default_rng(seed), HEIGHT, CANVAS_MM, pose=pose)["image"].astype(np.float32)
        place = picture[:, i * step:i * step + HEIGHT]
        place[:] = head[..., :3] + place * (1 - head[..., 3:] / 255)
    return np.clip(picture[..., ::-1], 0, 255).astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[2] / "web" / "public")
    out = parser.parse_args().out
    renderer = HeadRenderer()
    for name, people in SAMPLES.items():
        cv2.imwrite(str(out / f"{name}.jpg"), sample(renderer, name, people), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


if __name__ == "__main__":
    main()
