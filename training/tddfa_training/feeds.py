"""
Sources of training batches: processes that compose crops one by one (CPU), or a device that composes them itself
(crop_batches.py) from the data in its memory. Both return tensors on the training device: network input, params, landmarks,
blendshapes and gaze, and which of those are visible.
"""
import multiprocessing
import queue as queues
import threading
import time

import cv2
import numpy as np
import torch

from .backgrounds import Backgrounds, load_backgrounds
from .covers import make_covers, make_patches
from .crop_batches import CropBatches
from .head_crops import HeadShards
from .morphable_model import MorphableModel
from .networks import to_input

# CUDA does not survive a fork.
PROCESSES = multiprocessing.get_context("spawn")
REFRESH_SECONDS = 5
SUPPLY = 256  # patches per message of a process, with half as many covers
LEAST_PATCHES = 2048
COMPOSED_BATCHES = 4  # at once: there are many small kernels, some of which wait for the device, so fewer, larger batches cost less
KEPT_COMPOSED = 8  # number of such composed results kept; batches are drawn from all of them
USES = 2  # average uses of a composed crop: composing costs a GPU more than learning


def _compose(queue, make_sampler, batch, seed, clip_frames):
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    sampler = make_sampler()
    model = MorphableModel.load() if clip_frames > 1 else None
    rng = np.random.default_rng(seed)
    served = 0
    while True:
        # Half of the batches are clips, half are stills: clips contain fewer faces.
        if model is not None and rng.random() < 0.5:
            queue.put(sampler.clips(rng, batch, clip_frames, model))
        elif hasattr(sampler, "batch_with_expressions"):
            queue.put(sampler.batch_with_expressions(rng, batch))
        else:
            queue.put(sampler.batch(rng, batch))
        served += 1
        if served % 50 == 0:
            sampler.refresh()


class ComposedFeed:
    """Batches from processes that run `make_sampler()`; without blendshapes, they contain zeros marked as not visible."""

    def __init__(self, make_sampler, batch, workers, seed, device, clip_frames, expressions):
        self.device, self.expressions = device, expressions
        self.queue = PROCESSES.Queue(8)
        self.workers = [PROCESSES.Process(target=_compose, args=(self.queue, make_sampler, batch, [*seed, i], clip_frames), daemon=True) for i in range(workers)]
        for worker in self.workers:
            worker.start()

    def batch(self):
        while True:
            try:
                images, *rest = self.queue.get(timeout=20)
                break
            except queues.Empty:
                if not all(worker.is_alive() for worker in self.workers):
                    raise RuntimeError("a crop-composing process has exited; see its error above") from None
        if len(rest) == 2:
            rest += [np.zeros((len(images), self.expressions), np.float32)] * 2
        inputs = to_input(images, self.device).contiguous(memory_format=torch.channels_last)
        return inputs, *(torch.from_numpy(values).to(self.device) for values in rest)

    def close(self):
        for worker in self.workers:
            worker.terminate()
        # The queue's feeder thread would wait for readers that no longer exist.
        self.queue.cancel_join_thread()


def _supply(queue, seed):
    cv2.setNumThreads(1)
    rng = np.random.default_rng(seed)
    pictures = Backgrounds(load_backgrounds(False))
    while True:
        queue.put((make_patches(rng, pictures, SUPPLY), make_covers(rng, pictures, SUPPLY // 2)))


class ReusedCrops:
    """Keeps the newest KEPT_COMPOSED results of `compose()`, each with this many crops, and draws batches from all of them, USES times as many."""

    def __init__(self, compose):
        self.compose, self.kept, self.composed, self.served = compose, None, 0, 0

    def batch(self, size):
        if self.served >= self.composed * USES:
            parts = self.compose()
            count = len(parts[0])
            if self.kept is None:
                self.kept = [torch.empty((KEPT_COMPOSED * count, *part.shape[1:]), dtype=part.dtype, device=part.device) for part in parts]
            at = self.composed % (KEPT_COMPOSED * count)
            for kept, part in zip(self.kept, parts):
                kept[at:at + count] = part
            self.composed += count
        self.served += size
        rows = torch.randint(min(self.composed, len(self.kept[0])), (size,), device=self.kept[0].device)
        return [part[rows] for part in self.kept]


class DeviceFeed:
    """Batches composed on the device; a thread loads shards as they are rendered, and what processes supply."""

    def __init__(self, folder, signs, batch, workers, seed, device, heads, augmented=True):
        self.size, self.augmented, self.closed, self.failed = batch, augmented, False, None
        self.crops = ReusedCrops(self._compose)
        self.batches = CropBatches(device, signs, heads=heads, seed=int(np.random.default_rng(seed).integers(2 ** 31)))
        self.lock = threading.Lock()
        self.queue = PROCESSES.Queue(4)
        self.workers = [PROCESSES.Process(target=_supply, args=(self.queue, [*seed, i]), daemon=True) for i in range(max(1, workers))]
        for worker in self.workers:
            worker.start()
        self.shards = HeadShards(folder)
        self.taken = set()
        self._take_shards()
        while self.batches.count["patches"] < LEAST_PATCHES:
            self._take_supply(self.queue.get(timeout=300))
        if not self.batches.count["heads"]:
            raise FileNotFoundError(f"{folder} has no rendered heads")
        self.thread = threading.Thread(target=self._refill, daemon=True)
        self.thread.start()

    def _take_shards(self):
        self.shards.refresh()
        for index in sorted(set(self.shards.shards) - self.taken):
            pictures, labels = self.shards.shards[index]
            with self.lock:
                self.batches.add_heads(pictures, labels)
            self.taken.add(index)
            self.shards.shards[index] = (pictures[:0], labels)  # frees its memory

    def _take_supply(self, supply):
        patches, covers = supply
        with self.lock:
            self.batches.add_patches(patches)
            self.batches.add_covers(covers)

    def _refill(self):
        looked = time.time()
        try:
            while not self.closed:
                try:
                    self._take_supply(self.queue.get(timeout=1))
                except queues.Empty:
                    pass
                if time.time() - looked > REFRESH_SECONDS:
                    self._take_shards()
                    looked = time.time()
        except Exception as error:  # errors in the thread are raised where the batches are used
            self.failed = error

    def batch(self):
        if self.failed is not None:
            raise self.failed
        images, *rest = self.crops.batch(self.size)
        return images.contiguous(memory_format=torch.channels_last), *rest

    def _compose(self):
        with self.lock, torch.no_grad():
            return self.batches.batch(COMPOSED_BATCHES * self.size, self.augmented)

    def close(self):
        self.closed = True
        for worker in self.workers:
            worker.terminate()
        self.queue.cancel_join_thread()
