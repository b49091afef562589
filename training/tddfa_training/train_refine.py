"""
Trains the small networks for eyes and mouths: `python3 -m tddfa_training.train_refine --data DIR --held-out DIR --minutes 2 --out DIR`.

`--data` is a folder of finely rendered heads, which may still be growing. Both networks are trained alternately; on a GPU, one process
per network (`--kind`) is faster.

  python3 -m tddfa_training.render_heads --out DIR --shards 400 --canvas-px 240 --canvas-mm 220 --poses frontal

Writes NAME.pth and NAME-mean-std.npz of `refine-eye` and `refine-mouth`, which `npm run train:pack` and `--init` read.
"""
import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from .blendshapes import side_pairs
from .head_crops import HeadShards
from .losses import SideContrast, expression_loss
from .metrics import area_under_curve, correlation_and_slope, gaze_angle
from .networks import RefineNetwork
from .refine_crops import CHANNELS, OUTPUTS, RefineBatches
from .runtime import keep_freed_memory, move_towards, training_device

LEAST_HEADS = 512
LEAST_SPREAD = 0.05  # of a difference between sides
LOOK_SECONDS = 3
EMA = 0.998
# Outputs that the eye network exists for count more than those that an eye hardly shows.
OUTPUT_WEIGHTS = {"eyeBlink": 2.0, "yaw": 3.0, "pitch": 3.0, "eyeWide": 0.5, "cheekSquint": 0.5}
WEIGHT_DECAY = 1e-4
STATISTICS_FROM = 4096
COMPOSED_BATCHES = 4  # at once: many small kernels, which larger batches share
# Uses of a composed crop: composing costs a GPU more than learning, and a CPU as much.
USES = {"cuda": 2, "cpu": 3}
SAVE_SECONDS = 300


class Training:
    """One network with its optimizer and the average of its weights."""

    def __init__(self, kind, device, rate, init=None):
        self.kind, self.rate = kind, rate
        make = lambda: RefineNetwork(CHANNELS[kind], len(OUTPUTS[kind])).to(device, memory_format=torch.channels_last)
        self.weights = torch.tensor([OUTPUT_WEIGHTS.get(name, 1.0) for name in OUTPUTS[kind]], device=device)
        self.network, self.average = make(), make().eval()
        self.mean = self.std = self.sides = None
        if init is not None:
            self.network.load_state_dict(torch.load(f"{init}.pth", map_location=device)["state_dict"])
            self.mean, self.std = (torch.from_numpy(np.load(f"{init}-mean-std.npz")[name]).to(device) for name in ("mean", "std"))
        self.average.load_state_dict(self.network.state_dict())
        fused = {"fused": True} if torch.device(device).type == "cuda" else {}  # torch 1.13 does not know this argument
        self.optimizer = torch.optim.AdamW(self.network.parameters(), rate, weight_decay=WEIGHT_DECAY, **fused)
        self.loss, self.steps = 0.0, 0

    def take_statistics(self, batches):
        """Mean and deviation of the visible targets, and of sums and differences of sides."""
        _, targets, seen = batches.batch(self.kind, STATISTICS_FROM)
        if self.mean is None:
            total = seen.sum(0).clamp(min=1)
            self.mean = (targets * seen).sum(0) / total
            self.std = (((targets - self.mean) ** 2 * seen).sum(0) / total).sqrt().clamp(min=1e-3)
        self.sides = SideContrast(side_pairs(OUTPUTS[self.kind]), self.std, targets, seen, LEAST_SPREAD)

    def step(self, images, targets, seen, progress):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * min(1, (self.steps + 1) / 50) * 0.5 * (1 + math.cos(math.pi * min(progress, 1)))
        self.network.train()
        device = images.device.type
        with torch.autocast(device, dtype=torch.bfloat16, enabled=device == "cuda"):
            output = self.network(images.contiguous(memory_format=torch.channels_last))
        loss = expression_loss(output.float(), (targets - self.mean) / self.std, seen, self.weights, self.sides)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        keep = min(EMA, self.steps / (self.steps + 10))
        with torch.no_grad():
            move_towards(self.floats(self.average), self.floats(self.network), 1 - keep)
        self.loss += 0.02 * (loss.detach() - self.loss)

    @staticmethod
    def floats(network):
        """All learned parameters, and BatchNorm's statistics."""
        return [value for value in network.state_dict().values() if value.is_floating_point()]

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        name = folder / f"refine-{self.kind}"
        torch.save({"state_dict": {key: value.cpu().contiguous() for key, value in self.average.state_dict().items()}}, f"{name}.pth")
        np.savez(f"{name}-mean-std.npz", mean=self.mean.cpu().numpy(), std=self.std.cpu().numpy())


def predictions(training, batches, count, augmented, size=512):
    """Outputs, targets and visibility [count, …] of the first heads in the memory."""
    found = []
    for start in range(0, count, size):
        rows = torch.arange(start, min(start + size, count), device=batches.device)
        images, targets, seen = batches.batch(training.kind, len(rows), augmented, rows)
        with torch.no_grad():
            found.append((training.average(images.float()) * training.std + training.mean, targets, seen))
    return [torch.cat(part).cpu().numpy() for part in zip(*found)]


def described(kind, output, targets, seen):
    """One line of figures."""
    shapes = {name: correlation_and_slope(output[rows, k], targets[rows, k])[0]
              for k, name in enumerate(OUTPUTS[kind]) for rows in (seen[:, k] > 0,) if name not in ("yaw", "pitch")}
    text = f"mean correlation {np.mean(list(shapes.values())):.3f}; " + ", ".join(f"{name} {value:.2f}" for name, value in shapes.items())
    if kind == "eye":
        rows = seen[:, 0] > 0
        sure = rows & ((targets[:, 0] < 0.3) | (targets[:, 0] > 0.9))
        looking = seen[:, -1] > 0
        text = (f"blink AUC {area_under_curve(output[sure, 0], targets[sure, 0] > 0.9):.4f}, gaze "
                f"{gaze_angle(output[looking, -2:], targets[looking, -2:]).mean():.2f} degrees; {text}")
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered heads")
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--kind", choices=tuple(OUTPUTS), help="train only this one of the two")
    parser.add_argument("--batch", type=int, help="batch size (default: 128, or 1024 on a GPU)")
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--pool", type=int, default=40_000, help="heads in memory")
    parser.add_argument("--init", type=Path, help="folder with refine-eye.pth and refine-mouth.pth to continue from")
    parser.add_argument("--device", default="auto")
    args = parser.parse_args()
    device = training_device(args.device)
    batch_size = args.batch or (1024 if device.type == "cuda" else 128)
    if device.type == "cpu":
        keep_freed_memory()
    batches, shards = RefineBatches(device, args.pool), HeadShards(args.data)

    def take():
        shards.refresh()
        for index, (pictures, labels) in list(shards.shards.items()):
            if len(pictures):
                batches.add_heads(pictures, labels)
                shards.shards[index] = (pictures[:0], labels)

    while batches.count < LEAST_HEADS:
        take()
        time.sleep(1)
    trainings = [Training(kind, device, args.rate, args.init and args.init / f"refine-{kind}") for kind in OUTPUTS if args.kind in (None, kind)]
    for training in trainings:
        training.take_statistics(batches)
    begun = looked = said = saved = time.time()
    while (progress := (time.time() - begun) / (60 * args.minutes)) < 1:
        for training in trainings:
            with torch.no_grad():
                composed = batches.batch(training.kind, COMPOSED_BATCHES * batch_size)
            for _ in range(USES[device.type]):
                order = torch.randperm(len(composed[0]), device=device)
                for rows in order.split(batch_size):
                    training.step(*(part[rows] for part in composed), progress)
        if time.time() - looked > LOOK_SECONDS:
            take()
            looked = time.time()
        if time.time() - said > 20:
            losses = ", ".join(f"{training.kind} {float(training.loss):.4f}" for training in trainings)
            print(f"{progress * args.minutes:.2f} min: {trainings[0].steps} steps of {batch_size}, {batches.added} heads; loss {losses}", flush=True)
            said = time.time()
        if time.time() - saved > SAVE_SECONDS:
            for training in trainings:
                training.save(args.out)
            saved = time.time()
    held = HeadShards(args.held_out)
    held_batches = RefineBatches(device, len(held), seed=1)
    for pictures, labels in held.shards.values():
        held_batches.add_heads(pictures, labels)
    for training in trainings:
        training.save(args.out)
        for augmented in (False, True):
            print(f"{training.kind}, {'degraded' if augmented else 'as rendered'}: {described(training.kind, *predictions(training, held_batches, held_batches.count, augmented))}", flush=True)


if __name__ == "__main__":
    main()
