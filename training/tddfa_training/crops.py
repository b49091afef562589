"""
Crops as the detector and the tracker produce them, and how a crop transforms the labels.

Crop coordinates are continuous: pixel i covers i..i+1. Parameters follow 3DDFA: 12 numbers of the 3 x 4 camera (row-major,
model units -> px of the 120 x 120 crop, x counted from 1, y up), 40 shape, 10 expression; the camera's depth starts at the
model's origin, so its last entry is always 0.
"""
import numpy as np

CROP_SIZE = 120
BOX_TO_ROI = 1.58  # roi side / mean side of the box
BOX_SHIFT = 0.14  # roi centre below the centre of the box, in mean sides
MICROMETRES = 1000.0

LANDMARK_FLIP = np.array([*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31, 45, 44, 43, 42, 47, 46,
                          39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65])


def roi_from_box(box):
    """Square roi [4] of a detected box [4], as the aligner computes it."""
    width, height = box[2] - box[0], box[3] - box[1]
    side = (width + height) / 2
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2 + side * BOX_SHIFT
    size = int(side * BOX_TO_ROI)
    return np.array([x - size / 2, y - size / 2, x + size / 2, y + size / 2])


def roi_from_landmarks(points):
    """Square roi [4] around landmarks [n, 2], as the tracker computes it: the square's diagonal becomes the side."""
    low, high = points.min(0), points.max(0)
    centre, radius = (low + high) / 2, (high - low).max() / 2
    half = np.sqrt(2) * radius
    return np.array([*(centre - half), *(centre + half)])


def sample_roi(rng, box, landmarks):
    """A roi as it may occur: from a detector's box or from the last frame's landmarks, with their errors."""
    if rng.random() < 0.55:
        size = np.array([box[2] - box[0], box[3] - box[1]] * 2)
        # Detectors differ in how much forehead and jaw they include in a face.
        centre = (box[:2] + box[2:]) / 2
        scaled = np.concatenate([centre, centre]) + (box - np.concatenate([centre, centre])) * rng.uniform(0.8, 1.06)
        roi = roi_from_box(scaled + rng.normal(0, 0.045, 4) * size)
    else:
        side = (landmarks.max(0) - landmarks.min(0)).max()
        roi = roi_from_landmarks(landmarks + rng.normal(0, 0.025, 2) * side)
        if rng.random() < 0.2:
            roi = roi + rng.normal(0, 0.06, 2)[[0, 1, 0, 1]] * side
    centre, half = (roi[:2] + roi[2:]) / 2, (roi[2] - roi[0]) / 2 * np.exp(rng.normal(0, 0.05))
    return np.concatenate([centre - half, centre + half])


def crop_matrix(roi, angle=0.0, flip=False):
    """[2, 3] canvas -> crop: the roi's square, turned by `angle` degrees about its centre, mirrored when `flip`."""
    scale = CROP_SIZE / (roi[2] - roi[0])
    c, s = np.cos(np.deg2rad(angle)) * scale, np.sin(np.deg2rad(angle)) * scale
    linear = np.array([[c, -s], [s, c]])
    if flip:
        linear = np.diag([-1, 1]) @ linear
    centre = (roi[:2] + roi[2:]) / 2
    return np.concatenate([linear, (CROP_SIZE / 2 - linear @ centre)[:, None]], 1)


def crop_params(matrix, camera, rotation, shape, expression, mode_signs, flip=False):
    """
    [62] parameters of a head seen through `crop_matrix`.
    `camera` [2, 4] mm -> canvas px, `rotation` [3, 3]; `mode_signs` [40]: +1 for symmetric shape modes, -1 for antisymmetric.
    """
    full = matrix[:, :2] @ camera
    full[:, 3] += matrix[:, 2]
    depth = rotation[2].copy()
    if flip:  # the mirrored head: model x changes sign
        full[:, 0] = -full[:, 0]
        depth[0] = -depth[0]
        shape = shape * mode_signs
    scale = np.linalg.norm(full[0, :3])
    params = np.zeros(62)
    params[0:4] = full[0]
    params[4:8] = -full[1]
    params[3] += 0.5
    params[7] += CROP_SIZE + 0.5
    params[8:11] = depth * scale
    for row in (0, 4, 8):
        params[row:row + 3] /= MICROMETRES
    params[12:52], params[52:] = shape, expression
    return params


def crop_landmarks(matrix, landmarks, flip=False):
    """[68, 2] landmarks in the parameters' coordinates (x from 1, y up)."""
    points = landmarks @ matrix[:, :2].T + matrix[:, 2]
    if flip:
        points = points[LANDMARK_FLIP]
    return np.stack([points[:, 0] + 0.5, CROP_SIZE + 0.5 - points[:, 1]], 1)
