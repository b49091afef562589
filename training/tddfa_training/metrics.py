"""How good parameters are: landmark NME as AFLW2000-3D reports it, and pose errors."""
import numpy as np

YAW_BINS = ((0, 30), (30, 60), (60, 90))


def nme_percent(points, truth):
    """[n] mean distance of landmarks [n, 68, 2] in per cent of the true box's sqrt(width * height)."""
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
    """NME over all and by yaw, and mean absolute pose errors away from the poles of the angles."""
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
