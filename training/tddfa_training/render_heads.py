"""
Stage 1: renders heads into shards: `python3 -m tddfa_training.render_heads --out DIR --shards N [--split held-out]`.

Each shard holds 256 cut-outs with their labels and depends only on its number, so the stage can be stopped, resumed and spread
over processes at will. About 25 ms per head on one free core.
"""
import argparse
import multiprocessing
import os
import signal
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np

from . import native
from .heads import CANVAS_MM, CANVAS_PX, MASK_SHARE, HeadRenderer
from .label_fit import refine_labels
from .paths import runs_folder
from .rig import HeadRig

SHARD_SIZE = 256
PROCESSES = multiprocessing.get_context("spawn")
FIELDS = ("shape", "expression", "camera", "rotation", "landmarks", "box", "pose")
OPTIONAL_FIELDS = ("look", "blendshapes", "gaze")  # groups for reports, and labels of the second head; shards may lack them

FITTED, FITTED_FIELDS = "fitted_", ("shape", "expression", "camera")  # the same, fitted to the lens's view (label_fit.py)


def shard_files(folder, index):
    return folder / f"heads-{index:04d}.npy", folder / f"heads-{index:04d}.npz"


def frontal_pose(rng):
    """Yaw, pitch, roll of heads for close-ups of eyes and mouths."""
    return float(np.clip(rng.normal(0, 25), -75, 75)), float(np.clip(rng.normal(0, 14), -45, 45)), float(rng.normal(0, 12))


def render_shard(renderer, folder, index, split, canvas_px, canvas_mm, faceless=0.0, size=SHARD_SIZE, sample_pose=None):
    """
    Renders one shard unless it exists. `faceless` is the share of heads seen from behind (for the detector); `sample_pose`, if given, draws
    the poses of the others.
    """
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
        labels = {field: [] for field in (*FIELDS, *OPTIONAL_FIELDS)}
        for i in range(size):
            pose = sample_pose and sample_pose(rng)
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
        stored = {field: np.array(values, np.float32) for field, values in labels.items()}
        fitted = refine_labels(*renderer.rig.landmark_rows(), stored)
        np.savez(partial, canvas_mm=canvas_mm, **stored, **{f"{FITTED}{field}": fitted[field] for field in FITTED_FIELDS})
        partial.replace(label_file)
    finally:
        claim.unlink()
    return True


POSES = {"all": None, "frontal": frontal_pose}


def _render(args, folder):
    """Renders shards that no other process has started."""
    cv2.setNumThreads(1)
    renderer = HeadRenderer(held_out=args.split == "held-out", rare_share=args.rare, mask_share=args.masks)
    for index in range(args.first, args.first + args.shards):
        if render_shard(renderer, folder, index, args.split, args.canvas_px, args.canvas_mm, args.faceless, args.shard_size, POSES[args.poses]):
            print(f"shard {index - args.first + 1} of {args.shards}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=runs_folder() / "heads")
    parser.add_argument("--shards", type=int, default=80, help="number of shards of 256 heads")
    parser.add_argument("--first", type=int, default=0, help="number of the first shard: the same number always gives the same heads")
    parser.add_argument("--split", choices=("train", "held-out"), default="train")
    parser.add_argument("--canvas-px", type=int, default=CANVAS_PX)
    parser.add_argument("--canvas-mm", type=float, default=CANVAS_MM)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--faceless", type=float, default=0.0, help="share of heads seen from behind")
    parser.add_argument("--rare", type=float, default=0.0, help="share of heads with otherwise rare expressions")
    parser.add_argument("--masks", type=float, default=MASK_SHARE, help="share of heads with a mask or a cloth over nose and mouth")
    parser.add_argument("--poses", choices=tuple(POSES), default="all")
    parser.add_argument("--shard-size", type=int, default=SHARD_SIZE, help="heads per shard")
    args = parser.parse_args()
    folder = args.out / args.split
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.claim"):
        stale.unlink()
    native.renderer()
    HeadRig()  # compiles and caches what the processes share
    # When asked to stop, it stops the processes it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    processes = [PROCESSES.Process(target=_render, args=(args, folder), daemon=True) for _ in range(args.processes - 1)]
    for process in processes:
        process.start()
    _render(args, folder)
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a rendering process has exited; see its error above")


if __name__ == "__main__":
    main()
