"""
Turns the detector's own mistakes into training material: `python3 -m tddfa_training.mine --run NAME`.

Runs the detector on composed pictures without a face and on parts of the backgrounds, and saves whatever it takes for a face, with
its surroundings, in NAME/mined.npz. A training run of that name, in progress or continued later, pastes these pieces into its
pictures. One round after a third of the run and one after two thirds are worthwhile; pieces of earlier rounds stay.
"""
import argparse
from pathlib import Path

import cv2
import numpy as np
import torch

from . import faceboxes
from .backgrounds import random_patch
from .paths import runs_folder
from .runtime import keep_freed_memory
from .scenes import LARGEST_PIECE, SceneSampler

SURROUNDINGS = 1.7  # side of a piece / side of its box
MOST_PIECES = 3000


def false_pieces(image, boxes):
    """The parts of a face-free picture under boxes [n, 5], with their surroundings."""
    pieces = []
    for box in boxes:
        centre, half = (box[:2] + box[2:4]) / 2, (box[2:4] - box[:2]) / 2 * SURROUNDINGS
        x0, y0 = np.maximum(centre - half, 0).astype(int)
        x1, y1 = np.minimum(np.ceil(centre + half), image.shape[1::-1]).astype(int)
        if min(x1 - x0, y1 - y0) < 12:
            continue
        piece = image[y0:y1, x0:x1]
        scale = LARGEST_PIECE / max(piece.shape[:2])
        if scale < 1:
            piece = cv2.resize(piece, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pieces.append(piece.copy())
    return pieces


def load_pieces(file):
    """List of BGR uint8 pieces; empty if nothing has been mined yet."""
    if not file.exists():
        return []
    stored = np.load(file)
    return [stored[name] for name in stored.files]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--people", type=Path, default=runs_folder() / "people" / "train")
    parser.add_argument("--pictures", type=int, default=1500)
    parser.add_argument("--score", type=float, default=0.3, help="score from which a detection counts as a face")
    parser.add_argument("--seed", type=int, default=0, help="use a different one for every round")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    keep_freed_memory()
    folder = runs_folder() / args.run
    stored = torch.load(folder / "averaged.pth", map_location="cpu")
    network = faceboxes.FaceBoxes().to(memory_format=torch.channels_last)
    network.load_state_dict(stored["state_dict"])
    network.eval()
    sampler = SceneSampler(args.people)
    rng = np.random.default_rng([args.seed, stored["seen"], 23])
    pieces, pictures_with = [], 0
    for i in range(args.pictures):
        if i % 4 == 0:
            side = int(rng.choice([320, 480, 640]))
            image = random_patch(rng, sampler.pictures, side, side)
        else:
            image, _ = sampler.scene(rng, faces=False)
        enlargement = faceboxes.ENLARGEMENT if i % 2 else 1
        found = false_pieces(image, faceboxes.detect(network, image, score=args.score, enlargement=enlargement)[:6])
        pictures_with += bool(found)
        pieces += found
    kept = (load_pieces(folder / "mined.npz") + pieces)[-MOST_PIECES:]
    partial = folder / "mined.partial.npz"
    np.savez(partial, **{f"{i:05d}": piece for i, piece in enumerate(kept)})
    partial.replace(folder / "mined.npz")
    print(f"{stored['seen']} pictures: {len(pieces)} false boxes in {pictures_with} of {args.pictures} face-free pictures; {len(kept)} pieces kept")


if __name__ == "__main__":
    main()
