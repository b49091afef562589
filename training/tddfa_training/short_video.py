"""
Short-video synthesis (Guo et al., ECCV 2020): a few frames of a clip from one still, so that neighbours in a batch differ as
neighbours in a video do.

In-plane: the crop is rotated, shifted, scaled, motion-blurred and made noisy. Out-of-plane: the face is rotated by a few
degrees; every pixel moves by the displacement of the face's vertices near it, which fades out around the head, so the
background stays. Works for any image with parameters in the original's layout, including real photographs.
"""
import cv2
import numpy as np

from .augment import motion_kernel
from .crops import CROP_SIZE
from .heads import rotation_matrix


def turned_params(params, yaw, pitch, roll=0.0, pivot=None):
    """
    [62] the parameters of the same face rotated by small angles (degrees) about `pivot` [3], a point in model units (the
    origin if absent) that keeps its position in the picture.
    """
    camera = params[:12].reshape(3, 4)
    pivot = np.zeros(3) if pivot is None else pivot
    scale = np.cbrt(abs(np.linalg.det(camera[:, :3])))
    turned = rotation_matrix(yaw, pitch, roll) @ (camera[:, :3] / scale) * scale
    shift = camera[:, :3] @ pivot + camera[:, 3] - turned @ pivot
    return np.concatenate([np.concatenate([turned, shift[:, None]], 1).ravel(), params[12:]])


def displacement_field(before, after, size=CROP_SIZE, cell=4, reach=14.0):
    """
    [size, size, 2] backward displacement of each pixel, px, from points [n, 2] (x right, y down) before and after: a weighted
    mean of near displacements that fades to 0 at `reach` px from the outermost points.
    """
    grid = np.stack(np.meshgrid(np.arange(0, size, cell), np.arange(0, size, cell)), -1).reshape(-1, 2) + cell / 2
    distance = ((grid[:, None] - after[None]) ** 2).sum(2)
    weight = np.exp(-distance / (2 * (reach / 2) ** 2))
    total = weight.sum(1, keepdims=True)
    mean = (weight @ (before - after)) / np.maximum(total, 1e-9)
    fade = np.minimum(1.0, np.exp(-distance.min(1) / (2 * reach ** 2)))[:, None]
    rows = int(np.sqrt(len(grid)))
    return cv2.resize((mean * fade).reshape(rows, rows, 2).astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)


def similarity(rng, strength):
    """[2, 3] a small random similarity of the crop about its centre."""
    angle = np.deg2rad(rng.normal(0, 2.5 * strength))
    scale = np.exp(rng.normal(0, 0.02 * strength))
    linear = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shift = rng.normal(0, 1.5 * strength, 2)
    centre = np.full(2, CROP_SIZE / 2)
    return np.concatenate([linear, (centre + shift - linear @ centre)[:, None]], 1)


def transform_params(params, matrix):
    """[62] the parameters after a similarity [2, 3] of the crop (continuous px, y down)."""
    camera = params[:12].reshape(3, 4).copy()
    picture = np.stack([camera[0], -camera[1]])  # x right, y down, up to the constants below
    picture[:, 3] += [-0.5, CROP_SIZE + 0.5]
    moved = matrix[:, :2] @ picture
    moved[:, 3] += matrix[:, 2]
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    camera[0], camera[1], camera[2] = moved[0], -moved[1], camera[2] * scale
    camera[0, 3] += 0.5
    camera[1, 3] += CROP_SIZE + 0.5
    return np.concatenate([camera.ravel(), params[12:]])


def synthesize_clip(rng, image, params, vertices_of, frames=4, in_plane=1.0, out_of_plane=4.0):
    """
    @param image BGR uint8 [120, 120, 3]; params [62].
    @param vertices_of function params [62] -> [n, 3] px of the crop (x from 1, y up): dense enough to carry the picture.
    @returns images [frames, 120, 120, 3], params [frames, 62]; the first frame is the still itself.
    """
    images, all_params = [image], [np.asarray(params, np.float64)]
    velocity = rng.normal(0, 1, 3) * [out_of_plane, out_of_plane / 2, 0]
    picture = lambda points: np.stack([points[:, 0] - 0.5, CROP_SIZE + 0.5 - points[:, 1]], 1)
    start = picture(vertices_of(all_params[0]))
    for k in range(1, frames):
        share = k / max(frames - 1, 1)
        turned = turned_params(all_params[0], velocity[0] * share, velocity[1] * share)
        after = picture(vertices_of(turned))
        field = displacement_field(start, after)
        matrix = similarity(rng, in_plane * share)
        inverse = cv2.invertAffineTransform(matrix)
        y, x = np.mgrid[:CROP_SIZE, :CROP_SIZE].astype(np.float32) + 0.5
        # Back through the similarity, then back along the displacement.
        u = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
        v = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
        back = cv2.remap(field, (u - 0.5).astype(np.float32), (v - 0.5).astype(np.float32), cv2.INTER_LINEAR,
                         borderMode=cv2.BORDER_REPLICATE)
        frame = cv2.remap(image, (u + back[..., 0] - 0.5).astype(np.float32), (v + back[..., 1] - 0.5).astype(np.float32),
                          cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if rng.random() < 0.5:
            frame = cv2.filter2D(frame, -1, motion_kernel(rng, rng.uniform(2, 6)))
        noise = rng.standard_normal(frame.shape, dtype=np.float32) * rng.uniform(0, 6)
        images.append(np.clip(frame + noise, 0, 255).astype(np.uint8))
        all_params.append(transform_params(turned, matrix))
    return np.stack(images), np.stack(all_params).astype(np.float32)
