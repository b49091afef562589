"""
Stage 1: renders heads into shards: `python3 -m tddfa_training.render_heads --out DIR --shards N [--split held-out]`.

Each shard holds 256 cut-outs with their labels and depends on nothing but its number, so the stage can be stopped, resumed and
spread over processes at will. About 25 ms a head on one free core.
"""
import argparse
import os
import zlib
from pathlib import Path

import numpy as np

from .heads import CANVAS_MM, CANVAS_PX, HeadRenderer
from .paths import runs_folder

SHARD_SIZE = 256
FIELDS = ("shape", "expression", "camera", "rotation", "landmarks", "box", "pose")
LOOK = "look"  # what reports sort by; shards may lack it


def shard_files(folder, index):
    return folder / f"heads-{index:04d}.npy", folder / f"heads-{index:04d}.npz"


def render_shard(renderer, folder, index, split, canvas_px, canvas_mm, faceless=0.0, size=SHARD_SIZE):
    """Renders one shard unless it is there. `faceless` is the share of heads seen from behind (for the detector)."""
    picture_file, label_file = shard_files(folder, index)
    if label_file.exists():
        return False
    claim = folder / f"heads-{index:04d}.claim"
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    try:
        renderer.forget()
        rng = np.random.default_rng([zlib.crc32(split.encode()), index])
        images = np.empty((size, canvas_px, canvas_px, 4), np.uint8)
        labels = {field: [] for field in (*FIELDS, LOOK)}
        for i in range(size):
            pose = None
            if rng.random() < faceless:
                pose = (float(rng.uniform(115, 245)), float(rng.normal(0, 15)), float(rng.normal(0, 15)))
            head = renderer.render(rng, canvas_px, canvas_mm, pose=pose)
            images[i] = head["image"]
            for field, values in labels.items():
                values.append(head[field])
        partial = folder / f"heads-{index:04d}.partial.npy"
        np.save(partial, images)
        partial.replace(picture_file)
        partial = folder / f"heads-{index:04d}.partial.npz"
        np.savez(partial, canvas_mm=canvas_mm, **{field: np.array(values, np.float32) for field, values in labels.items()})
        partial.replace(label_file)
    finally:
        claim.unlink()
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=runs_folder() / "heads")
    parser.add_argument("--shards", type=int, default=80, help="how many shards of 256 heads there shall be")
    parser.add_argument("--split", choices=("train", "held-out"), default="train")
    parser.add_argument("--canvas-px", type=int, default=CANVAS_PX)
    parser.add_argument("--canvas-mm", type=float, default=CANVAS_MM)
    parser.add_argument("--faceless", type=float, default=0.0, help="share of heads seen from behind")
    args = parser.parse_args()
    folder = args.out / args.split
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.claim"):
        stale.unlink()
    renderer = HeadRenderer(held_out=args.split == "held-out")
    for index in range(args.shards):
        if render_shard(renderer, folder, index, args.split, args.canvas_px, args.canvas_mm, args.faceless):
            print(f"shard {index + 1} of {args.shards}", flush=True)


if __name__ == "__main__":
    main()
