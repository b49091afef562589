"""Quality of parameters: landmark NME as reported for AFLW2000-3D, and pose errors."""
import numpy as np

from .blendshapes import BLENDSHAPES, SIDES

YAW_BINS = ((0, 30), (30, 60), (60, 90))


def nme_percent(points, truth):
    """[n] mean distance of landmarks [n, 68, 2] in per cent of sqrt(width * height) of the true box."""
    extent = truth.max(1) - truth.min(1)
    return 100 * np.linalg.norm(points - truth, axis=2).mean(1) / np.sqrt(extent[:, 0] * extent[:, 1])


def pose_degrees(params):
    """[n, 3] yaw, pitch, roll of params [n, 62], by the original's formulas."""
    camera = params[:, :12].reshape(-1, 3, 4)[:, :, :3]
    unit = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)
    r1, r2 = unit(camera[:, 0]), unit(camera[:, 1])
    r3 = np.cross(r1, r2)
    yaw = np.arcsin(np.clip(r3[:, 0], -1, 1))
    cosine = np.cos(yaw)
    pitch = np.arctan2(r3[:, 1] / cosine, r3[:, 2] / cosine)
    roll = np.arctan2(r2[:, 0] / cosine, r1[:, 0] / cosine)
    return np.degrees(np.stack([yaw, pitch, roll], 1))


def angle_between(params, truth):
    """[n] geodesic angle in degrees between the rotations of two parameter sets."""

    def rotation(p):
        camera = p[:, :12].reshape(-1, 3, 4)[:, :, :3]
        u, _, vt = np.linalg.svd(camera)
        return u @ vt

    product = np.einsum("nij,nkj->nik", rotation(params), rotation(truth))
    return np.degrees(np.arccos(np.clip((np.trace(product, axis1=1, axis2=2) - 1) / 2, -1, 1)))


def report(params, truth_params, points, truth_points):
    """NME overall and by yaw, and mean absolute pose errors away from the poles of the angles."""
    nme = nme_percent(points, truth_points)
    yaw = np.abs(pose_degrees(truth_params)[:, 0])
    pose_error = np.abs((pose_degrees(params) - pose_degrees(truth_params) + 180) % 360 - 180)
    steady = yaw < 80
    return {
        "nme": float(nme.mean()), "nme_median": float(np.median(nme)),
        **{f"nme_{low}_{high}": float(nme[(yaw >= low) & (yaw < high)].mean()) for low, high in YAW_BINS
           if ((yaw >= low) & (yaw < high)).any()},
        **{f"{name}_error": float(pose_error[steady, i].mean()) for i, name in enumerate(("yaw", "pitch", "roll"))},
        "angle_error": float(angle_between(params, truth_params).mean()),
    }


def correlation_and_slope(predicted, truth):
    """Pearson's correlation, and the slope of predicted on true: what share of a change is captured. 0, 0 if the truth does not change."""
    p, t = predicted - predicted.mean(), truth - truth.mean()
    spread = (t ** 2).sum()
    if spread < 1e-9:
        return 0.0, 0.0
    return float((p * t).sum() / max(np.sqrt(spread * (p ** 2).sum()), 1e-9)), float((p * t).sum() / spread)


def area_under_curve(scores, positive):
    """Chance that a positive has a higher score than a negative; NaN without either."""
    count = int(positive.sum())
    if count in (0, len(positive)):
        return float("nan")
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(scores) - count)))


def gaze_angle(predicted, truth):
    """[n] degrees between two directions given as yaw and pitch [n, 2] in degrees."""
    def direction(angles):
        yaw, pitch = np.radians(angles[:, 0]), np.radians(angles[:, 1])
        return np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)], 1)

    return np.degrees(np.arccos(np.clip((direction(predicted) * direction(truth)).sum(1), -1, 1)))


def expression_report(predicted, truth, seen, near):
    """
    @param predicted, truth, seen [n, 56] in the order of blendshapes.py; `near` [n] bool: faces turned little enough to be judged.
    @returns per shape correlation and slope, their mean correlation, and for blinks (both sides together) AUC of shut against open and the
      correlation; gaze in degrees.
    """
    result = {"correlation": {}, "slope": {}}
    for k, name in enumerate(BLENDSHAPES):
        rows = near & (seen[:, k] > 0)
        result["correlation"][name], result["slope"][name] = correlation_and_slope(predicted[rows, k], truth[rows, k])
    result["mean_correlation"] = float(np.mean(list(result["correlation"].values())))
    blinks = [BLENDSHAPES.index(f"eyeBlink{side}") for side in SIDES]
    rows = [near & (seen[:, k] > 0) for k in blinks]
    score, value = (np.concatenate([a[r, k] for r, k in zip(rows, blinks)]) for a in (predicted, truth))
    sure = (value < 0.3) | (value > 0.9)
    result["blink_auc"] = area_under_curve(score[sure], value[sure] > 0.9)
    result["blink_correlation"], result["blink_slope"] = correlation_and_slope(score, value)
    tongue = BLENDSHAPES.index("tongueOut")
    rows = near & (seen[:, tongue] > 0) & ((truth[:, tongue] == 0) | (truth[:, tongue] > 0.4))
    result["tongue_auc"] = area_under_curve(predicted[rows, tongue], truth[rows, tongue] > 0)
    angles = [gaze_angle(predicted[r, k:k + 2], truth[r, k:k + 2]) for k in (52, 54) for r in (near & (seen[:, k] > 0),) if r.any()]
    result["gaze_degrees"] = float(np.concatenate(angles).mean()) if angles else float("nan")
    return result
