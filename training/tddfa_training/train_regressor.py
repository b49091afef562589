"""
Stage 2: trains MobileNet-V1 on crops of rendered heads: `python3 -m tddfa_training.train_regressor --run NAME --widen 0.5`.

Writes DIR/NAME/{last,best-ema}.pth and log.jsonl; restarted with the same name, it resumes where it stopped. `--samples` is the
length of the whole run; the learning rate follows it (cosine), so to lengthen a run, start another from its weights (`--init`).
On a GPU crops are composed there, on a CPU by background processes; `--data` trains on your own pictures (lp300w.py,
folder_crops.py).
"""
import argparse
import functools
import json
import signal
import time
from pathlib import Path

import numpy as np
import torch

from . import losses, metrics
from .blendshapes import BLENDSHAPES, EXPRESSION_OUTPUTS, EYE_COLUMNS, GAZE_COLUMNS, side_pairs
from .checkpoints import load_start, open_batch_norm, regressor_of, widened
from .crops import CROP_SIZE
from .feeds import ComposedFeed, DeviceFeed
from .folder_crops import FolderSampler, load_own_model
from .head_crops import CropSampler
from .lp300w import Lp300wSampler
from .meta_joint import choose_by_meta_test
from .morphable_model import MorphableModel, shape_mode_signs
from .networks import MobileNetV1, expression_outputs_of, to_input
from .paths import runs_folder
from .runtime import move_towards, start_run, training_device

STATISTICS_SAMPLES = 6000
HELD_OUT_SAMPLES = 512
LANDMARK_HEAD_WEIGHT = 1.0
SOFT_PX = 0.35  # of the vertices' smooth L1: lids move by one or two px
PAIR_WEIGHT, COEFFICIENT_WEIGHT, EXPRESSION_WEIGHT = 0.5, 0.3, 1.0
WEIGHTED_COLUMNS = ((list(EYE_COLUMNS[[0, 7]]), 4.0), (list(GAZE_COLUMNS), 4.0))  # blinks and gaze: what people notice first
LEAST_SPREAD = 0.05  # of a blendshape: a rare one must not drown out the rest
JUDGED_YAW = 45.0  # degrees up to which expressions are evaluated
STATISTICS = ("mean", "std", "expression_mean", "expression_std")
PAIR_GROUPS = {"lids": (0, 1, 2, 3), "lips": (4, 5, 6), "corners": (12, 13, 14), "brows": (22, 23, 24, 25, 26, 27)}  # rows of losses.PAIRS


def _own_crops(folder, model_file, augmented=True, held_out=False):
    """Your own crops: the simple layout if there is a `train` folder with a list, else 300W-LP's."""
    model = load_own_model(model_file)
    if (folder / "train" / "list.txt").exists():
        return FolderSampler(folder / ("held-out" if held_out else "train"), augmented).with_landmarks(model)
    return Lp300wSampler(folder, model, augmented, held_out)


def held_out_set(folder, signs, augmented, count=HELD_OUT_SAMPLES):
    """Fixed crops of unseen identities, skins and backgrounds: images, params, landmarks, blendshapes and gaze, and which are visible."""
    sampler = CropSampler(folder, signs, held_out=True, augmented=augmented)
    rng = np.random.default_rng(11)
    indices = np.arange(count) % len(sampler.heads)
    return sampler.batch_with_expressions(rng, count, indices)


def resized(inputs, size):
    """Network input [n, 3, 120, 120] at another size; the network ends in a mean, so it accepts any."""
    if size == inputs.shape[2]:
        return inputs
    return torch.nn.functional.interpolate(inputs, size, mode="bilinear", antialias=True)


def evaluate(network, model, data, statistics, size=CROP_SIZE):
    """
    metrics.report of crops at `size` px, with `pairs`: correlation and slope of the distances between landmarks that expressions
    change, and `expressions`: metrics.expression_report, if the network has that head and the crops have such labels.
    @param statistics dict of tensors: mean, std [62], and expression_mean, expression_std [56] with that head.
    """
    images, params, landmarks, *expressions = data
    device = statistics["mean"].device
    network.eval()
    with torch.no_grad():
        heads = [network(resized(to_input(images[i:i + 64], device), size)) for i in range(0, len(images), 64)]
        predicted = torch.cat([h[0] for h in heads]) * statistics["std"] + statistics["mean"]
        points = model(predicted)[:, :68, :2].cpu().numpy()
        truth = torch.from_numpy(params).to(device)
        distances, true_distances = (losses.pair_distances(model, p).cpu().numpy() for p in (predicted, truth))
        shown = None
        if len(heads[0]) > 2 and expressions and expressions[1].any():
            shown = (torch.cat([h[2] for h in heads]) * statistics["expression_std"] + statistics["expression_mean"]).cpu().numpy()
    network.train()
    result = metrics.report(predicted.cpu().numpy().astype(np.float64), params.astype(np.float64), points, landmarks)
    near = np.abs(metrics.pose_degrees(params.astype(np.float64))[:, 0]) < JUDGED_YAW
    result["pairs"] = {name: [float(np.mean(column)) for column in zip(*(metrics.correlation_and_slope(distances[near, k], true_distances[near, k]) for k in rows))]
                       for name, rows in PAIR_GROUPS.items()}
    if shown is not None:
        result["expressions"] = metrics.expression_report(shown, expressions[0], expressions[1], near)
    return result


def described(result):
    """The results of `evaluate` in one line."""
    line = f"NME {result['nme']:.2f} angle {result['angle_error']:.2f} pitch {result['pitch_error']:.2f}; correlation, slope: "
    line += ", ".join(f"{name} {c:.2f} {s:.2f}" for name, (c, s) in result["pairs"].items())
    if "expressions" in result:
        e = result["expressions"]
        line += (f"; blink AUC {e['blink_auc']:.4f} {e['blink_correlation']:.3f} {e['blink_slope']:.2f}, gaze {e['gaze_degrees']:.1f}, "
                 f"shapes {e['mean_correlation']:.3f}")
    return line


def badness(result):
    """Score for choosing a checkpoint: the landmarks' error in per cent, and how much of the expressions is missed."""
    seen = np.mean([correlation for correlation, _ in result["pairs"].values()])
    if "expressions" in result:
        seen = (seen + result["expressions"]["mean_correlation"]) / 2
    return result["nme"] - 2 * float(seen)


def restandardised(state, old, new):
    """State with heads that give the same numbers in units of other statistics (dicts of mean and std)."""
    state = dict(state)
    for head, prefix in (("fc_param", ""), ("fc_expression", "expression_")):
        if f"{head}.weight" not in state or f"{prefix}mean" not in old:
            continue
        old_mean, old_std, mean, std = (s[f"{prefix}{kind}"].to(state[f"{head}.weight"]) for s in (old, new) for kind in ("mean", "std"))
        state[f"{head}.weight"] = state[f"{head}.weight"] * (old_std / std)[:, None]
        state[f"{head}.bias"] = (state[f"{head}.bias"] * old_std + old_mean - mean) / std
    return state


def expression_statistics(targets, seen):
    """Mean and standard deviation [56] of the visible ones."""
    count = seen.sum(0).clip(1)
    mean = (targets * seen).sum(0) / count
    std = np.sqrt((seen * (targets - mean) ** 2).sum(0) / count)
    return mean.astype(np.float32), np.maximum(std, LEAST_SPREAD).astype(np.float32)


class Averager:
    """Exponential moving average of weights and BatchNorm statistics."""

    def __init__(self, network, decay):
        self.decay, self.steps = decay, 0
        self.state = {key: value.clone() for key, value in network.state_dict().items()}
        self.floats = [key for key, value in self.state.items() if value.dtype.is_floating_point]

    def update(self, network):
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        live = network.state_dict()
        # One call for all: kernel launches cost a GPU more than the sums.
        move_towards([self.state[key] for key in self.floats], [live[key] for key in self.floats], 1 - decay)
        for key in self.state.keys() - set(self.floats):
            self.state[key].copy_(live[key])

    def restore(self, state, steps):
        self.steps = steps
        for key, value in state.items():
            self.state[key].copy_(value)


def on_cpu(tensors):
    """A copy of a dict of tensors on the CPU."""
    return {key: value.detach().cpu().clone() for key, value in tensors.items()}


def stop_requests():
    """A list that SIGTERM or SIGINT adds to, so that training can save its state and stop."""
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
    parser.add_argument("--data", type=Path, help="train on your own pictures instead: 300W-LP, or crops in the README's layout")
    parser.add_argument("--model", type=Path, help="with --data: .npz of the morphable model that its parameters belong to")
    parser.add_argument("--clip-frames", type=int, default=1, help="frames per synthesised short clip; 1 trains on stills only")
    parser.add_argument("--widen", type=float, default=0.5)
    parser.add_argument("--loss", choices=("joint", "vdc", "wpdc", "fwpdc", "meta-joint"), default="joint")
    parser.add_argument("--no-landmark-head", action="store_true", help="train without landmark-regression regularisation")
    parser.add_argument("--no-expression-loss", action="store_true", help="weight all vertices equally, and ignore distances between landmarks")
    parser.add_argument("--samples", type=int, default=1_500_000, help="length of the whole run in samples")
    parser.add_argument("--minutes", type=float, help="length of the whole run in minutes, if reached before --samples")
    parser.add_argument("--batch", type=int, help="batch size (default: 64, or 512 on a GPU)")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate (AdamW)")
    parser.add_argument("--init", type=Path,
                        help="start from the weights and statistics of a checkpoint, of the output of export, or of a weight pack (a folder); "
                             "a network of half the width is widened")
    parser.add_argument("--init-name", help="with a pack as --init: name of the network (default: its first regressor)")
    parser.add_argument("--device", default="auto", help="device of the network: auto, cpu or cuda; a GPU also composes the crops")
    parser.add_argument("--pool", type=int, default=40_000, help="rendered heads to keep in GPU memory, the newest ones")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate-every", type=int, help="samples between evaluations (default: 38,400, or 16 times as many on a GPU)")
    parser.add_argument("--passes", type=int, default=3, help="number of times each composed crop is used, moved and degraded differently each time (CPU)")
    parser.add_argument("--early-size", type=int, default=120,
                        help="train the first part at this crop size in px: 80 is twice as fast (see --early-share)")
    parser.add_argument("--early-share", type=float, default=0.4, help="share of the run at --early-size")
    parser.add_argument("--averaging", type=float, default=0.999, help="decay of the weight average that is evaluated and exported")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--meta-batches", type=int, default=20, help="look-ahead steps of a meta-joint round")
    args = parser.parse_args()
    if args.data is not None and (args.model is None or args.clip_frames > 1):
        parser.error("--data requires --model, and cannot be combined with --clip-frames")
    device = training_device(args.device)
    composing = device.type == "cuda" and args.data is None and args.clip_frames == 1
    batch_size = args.batch or (512 if device.type == "cuda" else 64)
    evaluate_every = args.evaluate_every or 38400 * (16 if device.type == "cuda" else 1)
    reduced, folder = start_run(args, device)
    if args.data is None:
        signs = shape_mode_signs()
        model = MorphableModel.load().to(device)
        make_sampler = functools.partial(CropSampler, args.heads / "train", signs, passes=args.passes)
    else:
        model = load_own_model(args.model).to(device)
        make_sampler = functools.partial(_own_crops, args.data, args.model)
    last = folder / "last.pth"
    stored = torch.load(last, map_location="cpu") if last.exists() else None
    if stored is None and args.init is not None:
        stored = load_start(args.init, "regressor", regressor_of, args.init_name)
        if args.widen == 2 * stored.get("widen", args.widen):
            stored = {**stored, "state_dict": widened(stored["state_dict"]), "widen": args.widen}
    if stored is not None and stored.get("widen", args.widen) != args.widen:
        parser.error(f"the initial weights are for --widen {stored['widen']}")
    if composing:
        feed = DeviceFeed(args.heads / "train", signs, batch_size, args.workers, [args.seed, 0 if stored is None else stored.get("seen", 0)], device, args.pool)
    else:
        feed = ComposedFeed(make_sampler, batch_size, args.workers, [args.seed, 0 if stored is None else stored.get("seen", 0)], device, args.clip_frames, EXPRESSION_OUTPUTS)
    # Statistics of this run's own labels; the heads of the initial weights are converted to their units.
    started_with = [feed.batch() for _ in range(max(1, STATISTICS_SAMPLES // batch_size))] if not last.exists() else []
    expressive = bool(expression_outputs_of(stored["state_dict"])) if last.exists() else any(bool(b[4].any()) for b in started_with)
    network = MobileNetV1(args.widen, expression_outputs=EXPRESSION_OUTPUTS if expressive else 0)
    if last.exists():
        statistics = {name: stored[name] for name in STATISTICS if name in stored}
        network.load_state_dict(stored["state_dict"])
    else:
        columns = [torch.cat([b[k] for b in started_with]).cpu().numpy() for k in (1, 3, 4)]
        if args.data is not None:
            mean, std = make_sampler().statistics()
        else:
            mean, std = columns[0].mean(0), columns[0].std(0)
            std[std < 1e-12] = 1
        statistics = {"mean": torch.as_tensor(mean), "std": torch.as_tensor(std)}
        if expressive:
            statistics.update(zip(("expression_mean", "expression_std"), map(torch.from_numpy, expression_statistics(*columns[1:]))))
        if stored is not None:
            state = restandardised(stored["state_dict"], stored, statistics)
            missing = network.load_state_dict(state, strict=False)
            unknown = [key for key in (*missing.missing_keys, *missing.unexpected_keys) if not key.startswith("fc_expression")]
            if unknown:
                raise ValueError(f"the initial weights do not fit: {unknown[0]}")
            if stored.get("folded"):
                open_batch_norm(network, torch.cat([b[0] for b in started_with])[:512].cpu().contiguous(memory_format=torch.channels_last))
    network = network.to(device, memory_format=torch.channels_last)
    statistics = {name: values.to(device).float() for name, values in statistics.items()}
    mean, std = statistics["mean"], statistics["std"]
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}], lr=args.rate)
    averager = Averager(network, args.averaging)
    seen, best, spent = 0, float("inf"), 0.0
    if last.exists():
        optimizer.load_state_dict(stored["optimizer"])
        averager.restore(stored["averaged"], stored["averager_steps"])
        seen, best, spent = stored["seen"], stored["best"], stored.get("spent", 0.0)
    if args.data is None:
        plain_set, hard_set = (held_out_set(args.heads / "held-out", signs, augmented) for augmented in (False, True))
    else:
        plain_set, hard_set = (_own_crops(args.data, args.model, augmented, held_out=True).batch(np.random.default_rng(11), HELD_OUT_SAMPLES)
                               for augmented in (False, True))
    weights = losses.vertex_weights(model) if not args.no_expression_loss else None
    expression_weights = torch.ones(EXPRESSION_OUTPUTS, device=device)
    for columns, weight in WEIGHTED_COLUMNS:
        expression_weights[columns] = weight
    sides = None
    if expressive:
        shown, visible = (torch.from_numpy(np.asarray(part, np.float32)).to(device) for part in plain_set[3:5])
        sides = losses.SideContrast(side_pairs(BLENDSHAPES), statistics["expression_std"], shown, visible, LEAST_SPREAD)
    pair_spread = torch.from_numpy(np.maximum(losses.pair_distances(model, torch.from_numpy(plain_set[1]).to(device)).std(0).cpu().numpy(), 1e-3)).to(device)

    def loss_of(name, batch):
        inputs, target, landmarks, shown, visible = batch
        z_target = (target - mean) / std
        with reduced():
            heads = network(resized(inputs, crop_size()))
        z, points = heads[:2]
        predicted = z * std + mean
        if name == "vdc":
            loss = losses.vdc_loss(model, predicted, target) / 100
        elif name == "wpdc":
            loss = losses.wpdc_loss(model, z, z_target, mean, std)
        elif name == "fwpdc":
            loss = losses.fwpdc_loss(model, z, z_target, mean, std)
        elif weights is None:
            loss = losses.vertex_l1_loss(model, predicted, target) / 4 + 0.5 * losses.fwpdc_loss(model, z, z_target, mean, std)
        else:
            loss = losses.vertex_l1_loss(model, predicted, target, SOFT_PX, weights=weights) / 4 + 0.5 * losses.fwpdc_loss(model, z, z_target, mean, std)
            loss = loss + PAIR_WEIGHT * losses.pair_distance_loss(model, predicted, target, pair_spread)
            loss = loss + COEFFICIENT_WEIGHT * (z - z_target)[:, 52:].pow(2).mean()
        # A small share of the plain distance keeps parameters that hardly move the vertices in place.
        loss = loss + 0.01 * (z - z_target).pow(2).mean()
        if not args.no_landmark_head:
            loss = loss + LANDMARK_HEAD_WEIGHT * losses.landmark_head_loss(points, landmarks)
        if expressive:
            shown_target = (shown - statistics["expression_mean"]) / statistics["expression_std"]
            loss = loss + EXPRESSION_WEIGHT * losses.expression_loss(heads[2], shown_target, visible, expression_weights, sides)
        return loss

    def meta_test(batch):
        network.eval()
        with torch.no_grad():
            predicted = network(resized(batch[0], crop_size()))[0] * std + mean
            error = float(losses.vdc_loss(model, predicted, batch[1]))
        network.train()
        return error

    def minutes_spent():
        return spent + (time.time() - started) / 60

    def progress():
        done = seen / args.samples
        return min(1.0, max(done, minutes_spent() / args.minutes) if args.minutes else done)

    def crop_size():
        return args.early_size if progress() < args.early_share else CROP_SIZE

    def set_rate():
        steps = seen / batch_size
        warm = min(1.0, (steps + 1) / 200)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * warm * (0.01 + 0.99 * 0.5 * (1 + np.cos(np.pi * progress())))

    def step(name, batch):
        loss = loss_of(name, batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimizer.step()
        return loss.detach()

    def save_last():
        save_checkpoint(last, {"state_dict": on_cpu(network.state_dict()), "optimizer": optimizer.state_dict(), "averaged": on_cpu(averager.state),
                               "averager_steps": averager.steps, "best": best, **on_cpu(statistics), "widen": args.widen, "seen": seen, "spent": minutes_spent()})

    asked_to_stop = stop_requests()
    network.train()
    started, started_at, running, chosen = time.time(), seen, [], []
    next_evaluation = seen + evaluate_every
    while progress() < 1 and not asked_to_stop:
        set_rate()
        if args.loss == "meta-joint":
            batches = [feed.batch() for _ in range(args.meta_batches)]
            name, values = choose_by_meta_test(network, optimizer, ("fwpdc", "vdc"), step, batches[:-1],
                                               lambda: meta_test(batches[-1]))
            chosen.append(name)
            running += values
            seen += batch_size * (len(batches) - 1)
            averager.update(network)
        else:
            running.append(step(args.loss, feed.batch()))
            seen += batch_size
            averager.update(network)
        if seen >= next_evaluation or progress() >= 1 or asked_to_stop:
            next_evaluation = seen + evaluate_every
            current = {key: value.clone() for key, value in network.state_dict().items()}
            network.load_state_dict(averager.state)
            result, hard = (evaluate(network, model, data, statistics, crop_size()) for data in (plain_set, hard_set))
            averaged = on_cpu(network.state_dict())
            elapsed = time.time() - started
            line = {"seen": seen, "minutes": minutes_spent(), "per_second": (seen - started_at) / elapsed,
                    "size": crop_size(), "loss": float(torch.stack([torch.as_tensor(value) for value in running]).mean()), "held_out": result, "held_out_augmented": hard}
            if chosen:
                line["fwpdc_chosen"] = chosen.count("fwpdc") / len(chosen)
            running, chosen = [], []
            with open(folder / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            print(f"{seen} samples at {crop_size()} px, {line['per_second']:.0f}/s, {line['minutes']:.1f} min, loss {line['loss']:.3f}\n"
                  f"  hold-out  {described(result)}\n  augmented {described(hard)}", flush=True)
            if badness(hard) < best and crop_size() == CROP_SIZE:
                best = badness(hard)
                save_checkpoint(folder / "best-ema.pth", {"state_dict": averaged, **on_cpu(statistics), "widen": args.widen, "seen": seen, "held_out": result})
            network.load_state_dict(current)
            save_last()
    if asked_to_stop:
        print(f"stopped at {seen} samples", flush=True)
    feed.close()


if __name__ == "__main__":
    main()
