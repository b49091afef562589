"""
Fits the nearest weak-perspective parameters to a lens's view.

A render has perspective, identity modes beyond the model's 40 and expressions beyond its ten. Its own coefficients, seen
through the best scaled rotation, miss the true landmarks by 0.9 px of a 120 px crop (mean). A ridge fit around them that keeps
the rotation reduces this (see the README), as fitting the model to landmarks does for photographs.
"""
import numpy as np

PIXEL_SIGMA = 0.35  # canvas px
SHAPE_SIGMA = 0.6  # how far a shape coefficient may move, in standard deviations
EXPRESSION_SIGMA = 0.12
ROUNDS = 2


def refine_labels(mean, basis, labels):
    """
    @param mean [68, 3], basis [68, 3, 50]: the model's landmarks in mm.
    @param labels arrays of one shard: `shape` [n, 40], `expression` [n, 10], `camera` [n, 2, 4], `rotation`, `landmarks`.
    @returns the same with `shape`, `expression` and `camera` refined.
    """
    count, shape_count = labels["shape"].shape
    coefficients = np.concatenate([labels["shape"], labels["expression"]], 1).astype(np.float64)
    prior = np.concatenate([np.full(shape_count, SHAPE_SIGMA), np.full(basis.shape[2] - shape_count, EXPRESSION_SIGMA)])
    start = coefficients.copy()
    cameras = labels["camera"].astype(np.float64).copy()
    for i in range(count):
        seen = labels["landmarks"][i].astype(np.float64)
        axes = labels["rotation"][i][:2].astype(np.float64) * [[1], [-1]]
        turned = np.einsum("ab,mbk->mak", axes, basis)  # [68, 2, 50]
        turned_mean = mean @ axes.T
        for _ in range(ROUNDS):
            flat = turned_mean + turned @ coefficients[i]
            centred, target = flat - flat.mean(0), seen - seen.mean(0)
            scale = (centred * target).sum() / (centred ** 2).sum()
            shift = seen.mean(0) - scale * flat.mean(0)
            matrix = (scale * turned).reshape(-1, basis.shape[2])
            rest = (seen - shift - scale * (turned_mean + turned @ start[i])).ravel()
            normal = matrix.T @ matrix / PIXEL_SIGMA ** 2 + np.diag(1 / prior ** 2)
            coefficients[i] = start[i] + np.linalg.solve(normal, matrix.T @ rest / PIXEL_SIGMA ** 2)
        flat = turned_mean + turned @ coefficients[i]
        centred, target = flat - flat.mean(0), seen - seen.mean(0)
        scale = (centred * target).sum() / (centred ** 2).sum()
        cameras[i, :, :3] = scale * axes
        cameras[i, :, 3] = seen.mean(0) - scale * flat.mean(0)
    return {**labels, "shape": coefficients[:, :shape_count].astype(np.float32),
            "expression": coefficients[:, shape_count:].astype(np.float32), "camera": cameras.astype(np.float32)}
