"""
Stage 3: trains FaceBoxes on composed pictures: `python3 -m tddfa_training.train_detector --run NAME`.

Needs people rendered with room around them: `python3 -m tddfa_training.render_heads --out DIR --canvas-px 320 --canvas-mm 420
--faceless 0.08`. Writes DIR/NAME/{last,averaged}.pth and log.jsonl; restarted with the same name, it resumes where it stopped.
"""
import argparse
import functools
import json
import queue as queues
import time
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from . import faceboxes
from .augment import tone
from .checkpoints import load_start, open_batch_norm
from .feeds import PROCESSES
from .mine import load_pieces
from .paths import runs_folder
from .runtime import start_run, training_device
from .scenes import SCENE_SIZE, SMALLEST_FACE, SceneSampler
from .train_regressor import Averager, on_cpu, save_checkpoint, stop_requests

NEGATIVES_PER_POSITIVE = 6
BOX_WEIGHT = 2.0
OVERLAP_WEIGHT = 2.0
REPLAY_PICTURES = 3840
HELD_OUT_SCENES = 160
LEAST_SCENES = 512  # in GPU memory before learning starts


def changed_at(file):
    return file.stat().st_mtime if file.exists() else None


def _worker(queue, folder, batch, seed, mined_file):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    sampler = SceneSampler(folder)
    sampler.mined, mined_at = load_pieces(mined_file), changed_at(mined_file)
    rng = np.random.default_rng(seed)
    served = 0
    while True:
        queue.put(sampler.batch(rng, batch))
        served += 1
        if served % 40 == 0:
            sampler.refresh()
            if changed_at(mined_file) != mined_at:
                sampler.mined, mined_at = load_pieces(mined_file), changed_at(mined_file)


def replay(rng, batches, count):
    """A batch of pictures used before, with new mirroring, scale, shift and tone: composing is slower than learning."""
    images, boxes = [], []
    for _ in range(count):
        stored_images, stored_boxes = batches[rng.integers(len(batches))]
        i = rng.integers(len(stored_images))
        image, box = stored_images[i], stored_boxes[i].copy()
        size = len(image)
        scale = np.exp(rng.normal(0, 0.12))
        matrix = np.array([[scale, 0, 0], [0, scale, 0]])
        matrix[:, 2] = (1 - scale) * size / 2 + rng.integers(-24, 25, 2)
        if rng.random() < 0.5:
            matrix[0] = -matrix[0]
            matrix[0, 2] += size
        used = box[:, 4] != 0
        corners = box[used, :4].reshape(-1, 2, 2) * matrix[[0, 1], [0, 1]] + matrix[:, 2]
        box[used, :4] = np.concatenate([corners.min(1), corners.max(1)], 1)
        shifted = matrix.copy()
        shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5  # warpAffine counts pixel centres from 0
        moved = cv2.warpAffine(image, shifted, (size, size), flags=cv2.INTER_LINEAR)
        clipped = np.clip(box[:, :4], 0, size)
        area = lambda b: (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
        inside = area(clipped) / np.maximum(area(box), 1e-6)
        small = (box[:, 2:4] - box[:, :2]).mean(1) < SMALLEST_FACE
        box[used & (inside < 0.15)] = 0
        box[used & ((inside < 0.5) | small) & (box[:, 4] > 0), 4] = -1
        images.append(tone(rng, moved))
        boxes.append(box)
    return np.stack(images), np.stack(boxes)


class ScenePool:
    """
    Composed pictures in a device's memory, each used many times, in batches: with new mirroring, scale, shift and tone, as in `replay`, and
    enlarged.
    """

    def __init__(self, device, most):
        self.device, self.most, self.count, self.added = device, most, 0, 0

    def add(self, images, boxes):
        """BGR uint8 [n, size, size, 3] and boxes [n, MAX_FACES, 5]; the newest replace the oldest."""
        images, boxes = torch.from_numpy(images), torch.from_numpy(boxes)
        if self.added == 0:
            self.images = torch.zeros((self.most, *images.shape[1:]), dtype=torch.uint8, device=self.device)
            self.boxes = torch.zeros((self.most, *boxes.shape[1:]), device=self.device)
        at = ((self.added + torch.arange(len(images))) % self.most).to(self.device)
        self.images[at], self.boxes[at] = images.to(self.device), boxes.to(self.device)
        self.added += len(images)
        self.count = min(self.added, self.most)

    def sample(self, size, enlargement):
        """Network input [size, 3, side, side] and boxes in its px."""
        device = self.device
        rows = torch.randint(self.count, (size,), device=device)
        normal, uniform = (lambda spread, *shape: spread * torch.randn(*shape, device=device)), (lambda *shape: torch.rand(*shape, device=device))
        x, boxes = self.images[rows].permute(0, 3, 1, 2).float(), self.boxes[rows].clone()
        side = x.shape[2]
        scale = torch.exp(normal(0.12, size))
        axes = torch.stack([scale * torch.where(uniform(size) < 0.5, -1.0, 1.0), scale], 1)
        shift = torch.randint(-24, 25, (size, 2), device=device).float()
        # result = axes * (p - middle) + middle + shift
        theta = torch.zeros(size, 2, 3, device=device)
        theta[:, 0, 0], theta[:, 1, 1] = 1 / axes[:, 0], 1 / axes[:, 1]
        theta[:, :, 2] = -shift / (side / 2) / axes
        larger = int(round(side * enlargement))
        x = F.grid_sample(x, F.affine_grid(theta, (size, 3, larger, larger), align_corners=False), align_corners=False)
        gamma, gain = torch.exp(normal(0.28, size, 1, 1, 1)), torch.exp(normal(0.07, size, 3, 1, 1)) * torch.exp(normal(0.16, size, 1, 1, 1))
        x = ((x / 255).clamp(1e-4, 1) ** gamma * gain + normal(0.05, size, 1, 1, 1)).clamp(0, 1) * 255
        used, wanted = boxes[..., 4] != 0, boxes[..., 4] > 0
        corners = axes[:, None, None] * (boxes[..., :4].reshape(size, -1, 2, 2) - side / 2) + side / 2 + shift[:, None, None]
        moved = torch.cat([corners.amin(2), corners.amax(2)], 2)
        area = lambda b: (b[..., 2:] - b[..., :2]).prod(-1)
        inside = area(moved.clamp(0, side)) / area(moved).clamp(min=1e-6)
        small = (moved[..., 2:] - moved[..., :2]).mean(2) < SMALLEST_FACE
        label = torch.where(used & (inside < 0.15), 0.0, torch.where(wanted & ((inside < 0.5) | small), -1.0, boxes[..., 4]))
        moved = torch.where((label != 0)[..., None], moved * (larger / side), torch.zeros_like(moved))
        means = torch.tensor(faceboxes.CHANNEL_MEANS, device=device)[:, None, None]
        return (x - means).contiguous(memory_format=torch.channels_last), torch.cat([moved, label[..., None]], 2)


def to_input(images):
    x = torch.from_numpy(np.ascontiguousarray(images)).float() - torch.tensor(faceboxes.CHANNEL_MEANS)
    return x.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def face_weights(which, positive, faces):
    """[n] for the positive priors, mean 1: a face with many priors counts for the square root of their number; otherwise large faces would drown out small ones."""
    image = positive.nonzero(as_tuple=True)[0]
    row = image * faces + which[positive]
    shared = torch.bincount(row, minlength=1)[row].float().rsqrt()
    return shared / shared.mean()


def detector_loss(loc, conf, boxes, priors, size):
    """Class loss with mined negatives, smooth L1 of the codes, and an IoU loss for tight boxes."""
    classes, matched, which = faceboxes.match_priors(boxes, priors, size)
    positive = classes == 1
    count = max(int(positive.sum()), 1)
    weights = face_weights(which, positive, boxes.shape[1])
    code = faceboxes.encode(matched, priors)
    position = (weights[:, None] * F.smooth_l1_loss(loc[positive], code[positive], reduction="none")).sum() / count
    found, wanted = faceboxes.decode(loc, priors)[positive], matched[positive]
    low, high = torch.maximum(found[:, :2], wanted[:, :2]), torch.minimum(found[:, 2:], wanted[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    area = lambda b: (b[:, 2:] - b[:, :2]).clamp(min=0).prod(1)
    overlap = (weights * (1 - both / (area(found) + area(wanted) - both + 1e-9))).sum() / count
    entropy = F.cross_entropy(conf.reshape(-1, 2), classes.clamp(min=0).reshape(-1), reduction="none").reshape(classes.shape)
    hardness = entropy.detach().clone()
    hardness[classes != 0] = -1
    most = int(min(max(NEGATIVES_PER_POSITIVE * count, 20 * len(boxes)), int((classes == 0).sum())))
    threshold = torch.topk(hardness.reshape(-1), most)[0][-1]
    chosen = (classes == 0) & (hardness >= threshold)
    classification = ((weights * entropy[positive]).sum() + entropy[chosen].sum()) / count
    return BOX_WEIGHT * position + OVERLAP_WEIGHT * overlap + classification, (float(position.detach()), float(overlap.detach()), float(classification.detach()))


def of_size(truths, smallest):
    """The same truths, with faces of a smaller mean side (px) neither rewarded nor penalised."""
    changed = [truth.copy() for truth in truths]
    for truth in changed:
        truth[(truth[:, 4] > 0) & ((truth[:, 2:4] - truth[:, :2]).mean(1) < smallest), 4] = -1
    return changed


def average_precision(results, truths, threshold=0.5):
    """
    AP at an IoU over pictures, and at score 0.5: recall, false boxes per picture, mean IoU of found boxes.
    Detections on faces that are neither rewarded nor penalised (label -1) are not counted.
    """
    entries, total, ious, found_sure, false_sure = [], 0, [], 0, 0
    for boxes, truth in zip(results, truths):
        wanted, ignored = truth[truth[:, 4] > 0, :4], truth[truth[:, 4] < 0, :4]
        total += len(wanted)
        taken = np.zeros(len(wanted), bool)
        for box in boxes:
            overlap = faceboxes.box_overlap(torch.tensor(box[None, :4]), torch.tensor(wanted, dtype=torch.float64))[0].numpy() if len(wanted) else np.zeros(0)
            best = int(overlap.argmax()) if len(overlap) else -1
            if best >= 0 and overlap[best] >= threshold and not taken[best]:
                taken[best] = True
                entries.append((box[4], 1))
                if box[4] > 0.5:
                    ious.append(overlap[best])
                    found_sure += 1
            else:
                if len(ignored):
                    low, high = np.maximum(ignored[:, :2], box[:2]), np.minimum(ignored[:, 2:], box[2:4])
                    inside = np.clip(high - low, 0, None).prod(1) / max((box[2] - box[0]) * (box[3] - box[1]), 1e-6)
                    if inside.max() > 0.5:
                        continue
                entries.append((box[4], 0))
                false_sure += box[4] > 0.5
    entries.sort(key=lambda e: -e[0])
    hits = np.cumsum([hit for _, hit in entries]) if entries else np.zeros(0)
    precision = hits / np.arange(1, len(hits) + 1)
    recall = hits / max(total, 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return {"ap": float((np.diff(recall, prepend=0) * envelope).sum()), "recall": found_sure / max(total, 1),
            "false_per_picture": float(false_sure) / max(len(results), 1), "mean_iou": float(np.mean(ious)) if ious else 0.0}


def held_out_scenes(folder, count=HELD_OUT_SCENES):
    """(images, boxes) of unseen people in front of unseen backgrounds, as composed and with full degradation."""
    return [SceneSampler(folder, held_out=True, degraded=degraded).batch(np.random.default_rng(5), count) for degraded in (False, True)]


def enlarged(images, boxes, factor):
    """The same pictures and boxes as the detector sees them when enlarged."""
    larger = np.stack([cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR) for image in images])
    return larger, boxes * np.array([factor] * 4 + [1], np.float32)


def evaluate(network, sets, enlargement=faceboxes.ENLARGEMENT):
    """average_precision for each (images, boxes), and for faces from 32 px as `…_from_32_px`."""
    results = []
    for images, boxes in sets:
        found = [faceboxes.detect(network, image, enlargement=enlargement) for image in images]
        results.append({**average_precision(found, boxes),
                        **{f"{name}_from_32_px": value for name, value in average_precision(found, of_size(boxes, 32)).items()}})
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--people", type=Path, default=runs_folder() / "people")
    parser.add_argument("--pictures", type=int, default=300_000, help="length of the whole run in pictures")
    parser.add_argument("--minutes", type=float, help="length of the whole run in minutes, if reached before --pictures")
    parser.add_argument("--batch", type=int, help="batch size (default: 16, or 96 on a GPU)")
    parser.add_argument("--device", default="auto", help="device of the network: auto, cpu or cuda")
    parser.add_argument("--pool", type=int, default=40_000, help="composed pictures in GPU memory")
    parser.add_argument("--reuse", type=float, default=8, help="average number of times a composed picture is used on a GPU")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--init", type=Path, help="start from the weights of a checkpoint, of the output of export, or of a weight pack (a folder)")
    parser.add_argument("--evaluate-every", type=int, default=9600)
    parser.add_argument("--enlarged-share", type=float, default=0.55,
                        help="share of batches that are enlarged, as small pictures are when the detector is used")
    args = parser.parse_args()
    device = training_device(args.device)
    batch_size = args.batch or (96 if device.type == "cuda" else 16)
    reduced, folder = start_run(args, device)
    network = faceboxes.FaceBoxes().to(device, memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.02}, {"params": plain, "weight_decay": 0}], lr=args.rate)
    last = folder / "last.pth"
    stored = torch.load(last, map_location="cpu") if last.exists() else None
    if stored is None and args.init is not None:
        stored = load_start(args.init, "detector", lambda entry: faceboxes.FaceBoxes())
    if stored is not None:
        network.load_state_dict(stored["state_dict"])
        if stored.get("folded"):
            batch, _ = SceneSampler(args.people / "train").batch(np.random.default_rng(7), 64)
            open_batch_norm(network, to_input(batch).to(device))
    averager = Averager(network, 0.999)
    seen, spent = 0, 0.0
    if last.exists():
        optimizer.load_state_dict(stored["optimizer"])
        averager.restore(stored["averaged"], stored["averager_steps"])
        seen, spent = stored["seen"], stored.get("spent", 0.0)
    held_out = held_out_scenes(args.people / "held-out")
    priors = functools.lru_cache(lambda size: torch.from_numpy(faceboxes.prior_boxes(size, size)).to(device))
    composed = min(batch_size, 16)
    queue = PROCESSES.Queue(12)
    workers = [PROCESSES.Process(target=_worker, args=(queue, args.people / "train", composed, [args.seed, i, seen], folder / "mined.npz"), daemon=True)
               for i in range(args.workers)]
    for worker in workers:
        worker.start()
    rng = np.random.default_rng([args.seed, seen, 9])
    pool, fresh, running = [], 0, []
    stored_scenes = ScenePool(device, args.pool) if device.type == "cuda" else None
    started, started_at, next_evaluation = time.time(), seen, seen + args.evaluate_every
    network.train()

    def minutes_spent():
        return spent + (time.time() - started) / 60

    def progress():
        done = seen / args.pictures
        return min(1.0, max(done, minutes_spent() / args.minutes) if args.minutes else done)

    def save_averaged(result):  # read by `mine` and `export`
        save_checkpoint(folder / "averaged.pth", {"state_dict": on_cpu(averager.state), "seen": seen, "held_out": result})

    def save_last():
        save_checkpoint(last, {"state_dict": on_cpu(network.state_dict()), "optimizer": optimizer.state_dict(), "averaged": on_cpu(averager.state),
                               "averager_steps": averager.steps, "seen": seen, "spent": minutes_spent()})

    def composed_batch(wait):
        """Pictures and boxes from a worker; None if none is ready and waiting is off."""
        while True:
            try:
                return queue.get(timeout=20) if wait else queue.get_nowait()
            except queues.Empty:
                if not all(worker.is_alive() for worker in workers):
                    raise RuntimeError("a picture-composing process has exited; see its error above") from None
                if not wait:
                    return None

    def next_batch(enlargement):
        """Network input and boxes on the device, enlarged."""
        nonlocal pool, fresh
        if stored_scenes is None:
            batch = composed_batch(len(pool) < 12)
            if batch is None:
                batch = replay(rng, pool, batch_size)
            else:
                pool = (pool + [batch])[-(REPLAY_PICTURES // batch_size):]
                fresh += len(batch[0])
            if enlargement != 1:
                batch = enlarged(*batch, enlargement)
            return to_input(batch[0]), torch.from_numpy(batch[1])
        while True:
            wanted = seen - started_at > args.reuse * fresh or stored_scenes.count < LEAST_SCENES
            batch = composed_batch(wanted)
            if batch is None:
                break
            stored_scenes.add(*batch)
            fresh += len(batch[0])
            if not wanted and queue.empty():
                break
        # An enlarged picture takes four times the work.
        return stored_scenes.sample(batch_size if enlargement == 1 else batch_size // 2, enlargement)

    if not (folder / "averaged.pth").exists():
        save_averaged(None)  # for `mine`
    asked_to_stop = stop_requests()
    while progress() < 1 and not asked_to_stop:
        warm = min(1.0, (seen / batch_size + 1) / 150)
        for group in optimizer.param_groups:
            group["lr"] = args.rate * warm * (0.02 + 0.98 * 0.5 * (1 + np.cos(np.pi * progress())))
        # Some by less, like pictures that fill the detector's input before reaching full enlargement.
        enlargement = faceboxes.ENLARGEMENT ** (1 if rng.random() < 0.65 else 0.5) if rng.random() < args.enlarged_share else 1
        inputs, boxes = next_batch(enlargement)
        size = inputs.shape[2]
        with reduced():
            loc, conf = (output.float() for output in network(inputs))
        loss, parts = detector_loss(loc, conf, boxes, priors(size), size)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 10.0)
        optimizer.step()
        averager.update(network)
        running.append(parts)
        seen += len(inputs)
        if seen >= next_evaluation or progress() >= 1 or asked_to_stop:
            next_evaluation = seen + args.evaluate_every
            current = {key: value.clone() for key, value in network.state_dict().items()}
            network.load_state_dict(averager.state)
            network.eval()
            result, hard = evaluate(network, held_out)
            plain, plain_hard = evaluate(network, held_out, 1)
            network.train()
            network.load_state_dict(current)
            line = {"seen": seen, "minutes": minutes_spent(), "per_second": (seen - started_at) / (time.time() - started),
                    "fresh_share": fresh / max(seen - started_at, 1), "loss": np.mean(running, 0).tolist(), "held_out": result,
                    "held_out_degraded": hard, "held_out_not_enlarged": plain, "held_out_degraded_not_enlarged": plain_hard}
            running = []
            with open(folder / "log.jsonl", "a") as log:
                log.write(json.dumps(line) + "\n")
            print(f"{seen} pictures, {line['per_second']:.1f}/s ({100 * line['fresh_share']:.0f} % fresh), loss {np.round(line['loss'], 3)}, hold-out AP "
                  f"{result['ap']:.3f} ({result['ap_from_32_px']:.3f} from 32 px; degraded {hard['ap']:.3f}), recall {result['recall']:.3f}, false {result['false_per_picture']:.2f}, "
                  f"IoU {result['mean_iou']:.3f}; not enlarged AP {plain['ap']:.3f} (degraded {plain_hard['ap']:.3f})", flush=True)
            save_averaged(result)
            save_last()
    if asked_to_stop:
        print(f"stopped at {seen} pictures", flush=True)
    for worker in workers:
        worker.terminate()
    # The queue's feeder thread would wait for readers that no longer exist.
    queue.cancel_join_thread()


if __name__ == "__main__":
    main()
