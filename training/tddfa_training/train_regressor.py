"""
Stage 2: trains MobileNet-V1 on crops of rendered heads: `python3 -m tddfa_training.train_regressor --run NAME --widen 0.5`.

Writes DIR/NAME/{last,best-ema}.pth and log.jsonl; started again with the same name it goes on where it stopped. `--samples`
is the whole run's length; the learning rate follows it (cosine), so lengthen a run by starting another from its weights
(`--init`). Background processes compose crops; `--data` trains on pictures of one's own (lp300w.py, folder_crops.py).
"""
import argparse
import functools
import json
import multiprocessing
import queue as queues
import signal
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from . import losses, metrics
from .checkpoints import load_start, open_batch_norm, widened
from .crops import CROP_SIZE
from .folder_crops import FolderSampler, load_own_model
from .head_crops import CropSampler
from .lp300w import Lp300wSampler
from .meta_joint import choose_by_meta_test
from .morphable_model import MorphableModel, shape_mode_signs
from .networks import MobileNetV1, to_input
from .paths import runs_folder
from .runtime import keep_freed_memory, precision

STATISTICS_SAMPLES = 6000
HELD_OUT_SAMPLES = 512
LANDMARK_HEAD_WEIGHT = 1.0


def _worker(queue, make_sampler, batch, seed, clip_frames):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    sampler = make_sampler()
    model = MorphableModel.load() if clip_frames > 1 else None
    rng = np.random.default_rng(seed)
    served = 0
    while True:
        # Half of the batches are clips, half are stills: clips have fewer faces in them.
        if model is not None and rng.random() < 0.5:
            queue.put(sampler.clips(rng, batch, clip_frames, model))
        else:
            queue.put(sampler.batch(rng, batch))
        served += 1
        if served % 50 == 0:
            sampler.refresh()


def _own_crops(folder, model_file, augmented=True, held_out=False):
    """Crops of one's own: the simple layout where it has a `train` folder with a list, else 300W-LP's."""
    model = load_own_model(model_file)
    if (folder / "train" / "list.txt").exists():
        return FolderSampler(folder / ("held-out" if held_out else "train"), augmented).with_landmarks(model)
    return Lp300wSampler(folder, model, augmented, held_out)


def param_statistics(folder, signs):
    """Mean and standard deviation [62] of the parameters of random crops; a constant one gets 1."""
    sampler = CropSampler(folder, signs)
    rng = np.random.default_rng(3)
    from .crops import crop_matrix, crop_params, sample_roi

    rows = []
    for _ in range(STATISTICS_SAMPLES):
        _, labels = sampler.heads.head(int(rng.integers(len(sampler.heads))))
        flip = bool(rng.random() < 0.5)
        matrix = crop_matrix(sample_roi(rng, labels["box"], labels["landmarks"]), rng.normal(0, 9), flip)
        rows.append(crop_params(matrix, labels["camera"], labels["rotation"], labels["shape"], labels["expression"], signs, flip))
    rows = np.array(rows)
    std = rows.std(0)
    std[std < 1e-12] = 1
    return rows.mean(0).astype(np.float32), std.astype(np.float32)


def held_out_set(folder, signs, augmented, count=HELD_OUT_SAMPLES):
    """Fixed crops of unseen identities, skins and backgrounds."""
    sampler = CropSampler(folder, signs, held_out=True, augmented=augmented)
    rng = np.random.default_rng(11)
    indices = np.arange(count) % len(sampler.heads)
    return sampler.batch(rng, count, indices)


def resized(inputs, size):
    """Network input [n, 3, 120, 120] at another size; the network ends in a mean, so it takes any."""
    if size == inputs.shape[2]:
        return inputs
    return torch.nn.functional.interpolate(inputs, size, mode="bilinear", antialias=True)


def evaluate(network, model, data, mean, std, size=CROP_SIZE):
    """metrics.report of crops seen at `size` px."""
    images, params, landmarks = data
    network.eval()
    with torch.no_grad():
        z = torch.cat([network(resized(to_input(images[i:i + 64]), size))[0] for i in range(0, len(images), 64)])
        predicted = z * std + mean
        points = model(predicted)[:, :68, :2]
    network.train()
    return metrics.report(predicted.numpy().astype(np.float64), params.astype(np.float64), points.numpy(), landmarks)


class Averager:
    """Exponential moving average of weights and BatchNorm statistics."""

    def __init__(self, network, decay):
        self.decay, self.steps = decay, 0
        self.state = {key: value.clone() for key, value in network.state_dict().items()}

    def update(self, network):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[key].lerp_(value, 1 - decay)
            else:
                self.state[key].copy_(value)


def stop_requests():
    """A list that SIGTERM or SIGINT puts something into, so that training can save itself and end."""
    requests = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: requests.append(number))
    return requests


def save_checkpoint(path, content):
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    partial.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="name of the run: a folder under the runs folder")
    parser.add_argument("--heads", type=Path, default=runs_folder() / "heads")
    parser.add_argument("--data", type=Path, help="train on your own pictures instead: 300W-LP, or crops as the README describes them")
    parser.add_argument("--model", type=Path, help="with --data: .npz of the morphable model that its parameters are of")
    parser.add_argument("--clip-frames", type=int, default=1, help="frames of synthesised short clips; 1 trains on stills alone")
    parser.add_argument("--widen", type=float, default=0.5)
    parser.add_argument("--loss", choices=("joint", "vdc", "wpdc", "fwpdc", "meta-joint"), default="joint")
    parser.add_argument("--no-landmark-head", action="store_true", help="train without landmark-regression regularisation")
    parser.add_argument("--samples", type=int, default=1_500_000, help="length of the whole run in samples")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=2e-3, help="top learning rate (AdamW)")
    parser.add_argument("--init", type=Path,
                        help="start from the weights and statistics of a checkpoint, of what export wrote, or of a weight pack (a folder); "
                             "a network of half the width is widened")
    parser.add_argument("--init-name", help="with a pack as --init: name of the network (default: its first regressor)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate-every", type=int, default=38400, help="samples between evaluations")
    parser.add_argument("--passes", type=int, default=3, help="how often each composed crop is used, moved and degraded anew each time")
    parser.add_argument("--early-size", type=int, default=120,
                        help="train the first part at this crop size in px: 80 is twice as fast (see --early-share)")
    parser.add_argument("--early-share", type=float, default=0.4, help="how much of the run is at --early-size")
    parser.add_argument("--averaging", type=float, default=0.999, help="decay of the average of weights that is measured and exported")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--meta-batches", type=int, default=20, help="look-ahead steps of a meta-joint round")
    args = parser.parse_args()
    if args.data is not None and (args.model is None or args.clip_frames > 1):
        parser.error("--data needs --model, and goes without --clip-frames")
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    reduced = precision(args.precision)
    torch.manual_seed(args.seed)
    folder = runs_folder() / args.run
    folder.mkdir(parents=True, exist_ok=True)
    if args.data is None:
        signs = shape_mode_signs()
        model = MorphableModel.load()
        make_sampler = functools.partial(CropSampler, args.heads / "train", signs, passes=args.passes)
    else:
        model = load_own_model(args.model)
        make_sampler = functools.partial(_own_crops, args.data, args.model)
    network = MobileNetV1(args.widen).to(memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}], lr=args.rate)
    seen, best = 0, float("inf")
    last = folder / "last.pth"
    stored = torch.load(last) if last.exists() else None
    if stored is None and args.init is not None:
        stored = load_start(args.init, "regressor", lambda entry: MobileNetV1(entry["widthMultiplier"]), args.init_name)
    if stored is not None:
        if not last.exists() and args.widen == 2 * stored.get("widen", args.widen):
            stored = {**stored, "state_dict": widened(stored["state_dict"]), "widen": args.widen}
        if stored.get("widen", args.widen) != args.widen:
            parser.error(f"the weights to start from are of --widen {stored['widen']}")
        network.load_state_dict(stored["state_dict"])
        if stored.get("folded"):
            batch, _, _ = make_sampler().batch(np.random.default_rng(7), 512)
            open_batch_norm(network, to_input(batch).contiguous(memory_format=torch.channels_last))
        mean, std = (stored[name].numpy() for name in ("mean", "std"))
    elif args.data is not None:
        mean, std = make_sampler().statistics()
    else:
        mean, std = param_statistics(args.heads / "train", signs)
    averager = Averager(network, args.averaging)
    if last.exists():
        optimizer.load_state_dict(stored["optimizer"])
        averager.state, averager.steps = stored["averaged"], stored["averager_steps"]
        seen, best = stored["seen"], stored["best"]
    mean_tensor, std_tensor = torch.tensor(mean), torch.tensor(std)
    if args.data is None:
        plain_set, hard_set = (held_out_set(args.heads / "held-out", signs, augmented) for augmented in (False, True))
    else:
        plain_set, hard_set = (_own_crops(args.data, args.model, augmented, held_out=True).batch(np.random.default_rng(11), HELD_OUT_SAMPLES)
                               for augmented in (False, True))

    queue = multiprocessing.Queue(8)
    workers = [multiprocessing.Process(target=_worker, args=(queue, make_sampler, args.batch, [args.seed, i, seen], args.clip_frames),
                                       daemon=True) for i in range(args.workers)]
    for worker in workers:
        worker.start()

    def next_batch():
        while True:
            try:
                return queue.get(timeout=20)
            except queues.Empty:
                if not all(worker.is_alive() for worker in workers):
                    raise RuntimeError("a process that composes crops has ended; its error is above") from None

    def loss_of(name, batch):
        images, params, landmarks = batch
        target = torch.from_numpy(params)
        z_target = (target - mean_tensor) / std_tensor
        inputs = resized(to_input(images).contiguous(memory_format=torch.channels_last), crop_size())
        with reduced():
            z, points = network(inputs)
        predicted = z * std_tensor + mean_tensor
        if name == "vdc":
            loss = losses.vdc_loss(model, predicted, target) / 100
        elif name == "wpdc":
            loss = losses.wpdc_loss(model, z, z_target, mean_tensor, std_tensor)
        elif name == "fwpdc":
            loss = losses.fwpdc_loss(model, z, z_target, mean_tensor, std_tensor)
        else:
            loss = losses.vertex_l1_loss(model, predicted, target) / 4 + 0.5 * losses.fwpdc_loss(model, z, z_target, mean_tensor, std_tensor)
        # A little of the plain distance keeps parameters in place that hardly move the vertices.
        loss = loss + 0.01 * (z - z_target).pow(2).mean()
        if not args.no_landmark_head:
            loss = loss + LANDMARK_HEAD_WEIGHT * losses.landmark_head_loss(points, torch.from_numpy(landmarks))
        return loss

    def meta_test(batch):
        network.eval()
        with torch.no_grad():
            predicted = network(to_input(batch[0]))[0] * std_tensor + mean_tensor
            error = float(losses.vdc_loss(model, predicted, torch.from_numpy(batch[1])))
        network.train()
        return error

    def crop_size():
        return args.early_size if seen < args.early_share * args.samples else CROP_SIZE

    def set_rate():
        steps = seen / args.batch
        warm = min(1.0, (steps + 1) / 200)
        progress = min(1.0, seen / args.samples)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * progress)))

    def step(name, batch):
        loss = loss_of(name, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        return float(loss.detach())

    def save_last():
        save_checkpoint(last, {"state_dict": network.state_dict(), "optimizer": optimizer.state_dict(), "averaged": averager.state,
                               "averager_steps": averager.steps, "best": best, "mean": mean_tensor, "std": std_tensor,
                               "widen": args.widen, "seen": seen})

    asked_to_stop = stop_requests()
    started, started_at, running, chosen = time.time(), seen, [], []
    next_evaluation = seen + args.evaluate_every
    while seen < args.samples and not asked_to_stop:
        set_rate()
        if args.loss == "meta-joint":
            batches = [next_batch() for _ in range(args.meta_batches)]
            name, values = choose_by_meta_test(network, optimizer, ("fwpdc", "vdc"), step, batches[:-1],
                                               lambda: meta_test(batches[-1]))
            chosen.append(name)
            running += values
            seen += args.batch * (len(batches) - 1)
            averager.update(network)
        else:
            running.append(step(args.loss, next_batch()))
            seen += args.batch
            averager.update(network)
        if seen >= next_evaluation or seen >= args.samples or asked_to_stop:
            next_evaluation = seen + args.evaluate_every
            current = {key: value.clone() for key, value in network.state_dict().items()}
            network.load_state_dict(averager.state)
            result, hard = (evaluate(network, model, data, mean_tensor, std_tensor, crop_size()) for data in (plain_set, hard_set))
            averaged = {key: value.clone() for key, value in network.state_dict().items()}
            line = {"seen": seen, "minutes": (time.time() - started) / 60, "per_second": (seen - started_at) / (time.time() - started),
                    "size": crop_size(), "loss": float(np.mean(running)), "held_out": result, "held_out_augmented": hard}
            if chosen:
                line["fwpdc_chosen"] = chosen.count("fwpdc") / len(chosen)
            running, chosen = [], []
            with open(folder / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            print(f"{seen} samples at {crop_size()} px, {line['per_second']:.0f}/s, loss {line['loss']:.3f}, held out NME {result['nme']:.2f} "
                  f"(augmented {hard['nme']:.2f}), angle {result['angle_error']:.2f}", flush=True)
            if hard["nme"] < best and crop_size() == CROP_SIZE:
                best = hard["nme"]
                save_checkpoint(folder / "best-ema.pth", {"state_dict": averaged, "mean": mean_tensor, "std": std_tensor,
                                                          "widen": args.widen, "seen": seen, "held_out": result})
            network.load_state_dict(current)
            save_last()
    if asked_to_stop:
        print(f"stopped at {seen} samples", flush=True)
    for worker in workers:
        worker.terminate()
    # The queue's feeder thread would wait for readers that are gone.
    queue.cancel_join_thread()


if __name__ == "__main__":
    main()
