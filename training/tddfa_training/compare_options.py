"""
Compares the paper's options in equal short runs, one after another, and prints a Markdown table:
`python3 -m tddfa_training.compare_options --samples 64000`. The runs start from scratch, with a small network and small crops, so
that a minute shows a difference; `--init CHECKPOINT --widen 0.5 --size 120` continues from a checkpoint instead.

Each run is a folder options-NAME under the runs folder; existing ones are not run again. Besides the errors on the rendered
hold-out, the table shows how much the landmarks' error changes from frame to frame in synthesised clips of it, which is visible
as trembling in a video.
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from .head_crops import CropSampler
from .morphable_model import MorphableModel, shape_mode_signs
from .networks import MobileNetV1, to_input
from .paths import runs_folder
from .train_regressor import evaluate, held_out_set, resized

OPTIONS = {
    "joint": ("smooth L1 VDC + 0.5 fWPDC (default)", []),
    "vdc": ("VDC", ["--loss", "vdc"]),
    "wpdc": ("WPDC", ["--loss", "wpdc"]),
    "fwpdc": ("fWPDC", ["--loss", "fwpdc"]),
    "meta": ("meta-joint of fWPDC and VDC", ["--loss", "meta-joint"]),
    "no-landmarks": ("default without landmark regression", ["--no-landmark-head"]),
    "clips": ("default with short clips", ["--clip-frames", "4"]),
}
CLIPS, FRAMES = 64, 6


def clip_unrest(network, mean, std, clips, model, size):
    """Mean length (px) of the change of a landmark's error between neighbouring frames of clips (images, params, landmarks)."""
    images, _, landmarks = clips
    with torch.no_grad():
        z = torch.cat([network(resized(to_input(images[i:i + 64]), size))[0] for i in range(0, len(images), 64)])
        error = model(z * std + mean)[:, :68, :2].numpy() - landmarks
    error = error.reshape(-1, FRAMES, 68, 2)
    return float(np.linalg.norm(np.diff(error, axis=1), axis=3).mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--init", type=Path)
    parser.add_argument("--widen", type=float, default=0.25)
    parser.add_argument("--samples", type=int, default=64_000)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--size", type=int, default=60, help="crop size in px")
    parser.add_argument("--only", nargs="*", choices=list(OPTIONS), default=list(OPTIONS))
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = MorphableModel.load()
    sampler = CropSampler(runs_folder() / "heads" / "held-out", shape_mode_signs(), held_out=True, augmented=False)
    clips = sampler.clips(np.random.default_rng(41), CLIPS * FRAMES, FRAMES, model)
    sets = [held_out_set(runs_folder() / "heads" / "held-out", shape_mode_signs(), augmented) for augmented in (False, True)]
    print("| option | NME % | augmented | angle | unrest px | samples/s |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    for name in args.only:
        described, flags = OPTIONS[name]
        folder = runs_folder() / f"options-{name}"
        if not (folder / "log.jsonl").exists():
            subprocess.run([sys.executable, "-m", "tddfa_training.train_regressor", "--run", folder.name, *(["--init", str(args.init)] if args.init else []),
                            "--widen", str(args.widen), "--samples", str(args.samples), "--rate", str(args.rate), "--early-size", str(args.size), "--early-share", "2",
                            "--evaluate-every", str(args.samples), "--passes", "2", "--averaging", "0.995", *flags],
                           check=True, stdout=subprocess.DEVNULL)
        line = json.loads((folder / "log.jsonl").read_text().strip().split("\n")[-1])
        stored = torch.load(folder / "last.pth")
        network = MobileNetV1(stored["widen"])
        network.load_state_dict(stored["averaged"])
        network.eval()
        unrest = clip_unrest(network, stored["mean"], stored["std"], clips, model, args.size)
        plain, hard = (evaluate(network, model, data, stored, args.size) for data in sets)
        print(f"| {described} | {plain['nme']:.2f} | {hard['nme']:.2f} | {plain['angle_error']:.2f} | "
              f"{unrest:.3f} | {line['per_second']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
