"""
The losses of the 3DDFA papers. Parameters are [batch, 62], de-normalised unless a name says `z` (z-scored).

- VDC, vertex distance cost: what matters, but badly conditioned at the start.
- WPDC, weighted parameter distance cost (Zhu et al. 2016): each parameter's error counts as much as it moves the vertices when
  all others are true.
- fWPDC (Guo et al. 2020): the same weights from the norms of the basis columns, exact for a scaled rotation and far cheaper.
"""
import torch


def vdc_loss(model, params, target, planar=False):
    """Mean squared vertex distance in px^2; `planar` leaves the depth out."""
    axes = 2 if planar else 3
    return (model(params)[..., :axes] - model(target)[..., :axes]).pow(2).sum(2).mean()


def vertex_l1_loss(model, params, target, soft=1.0, depth_weight=0.5):
    """Smooth L1 vertex distance in px: VDC that bad labels and hopeless samples do not dominate."""
    weight = torch.tensor([1.0, 1.0, depth_weight], device=params.device)
    distance = ((model(params) - model(target)) * weight).pow(2).sum(2)
    return (torch.sqrt(distance + soft * soft) - soft).mean()


def _weighted(weights, z, z_target):
    weights = (weights / weights.amax(1, keepdim=True).clamp(min=1e-9)).detach()
    return (weights * (z - z_target)).pow(2).sum(1).mean()


def wpdc_weights(model, params, target):
    """[batch, 62] how far (px, root of the sum of squares) the vertices go when one parameter is wrong and the rest are true."""
    truth = model(target)
    weights = []
    for i in range(target.shape[1]):
        changed = target.clone()
        changed[:, i] = params[:, i]
        weights.append((model(changed) - truth).pow(2).sum((1, 2)).sqrt())
    return torch.stack(weights, 1)


def fwpdc_weights(model, params, target):
    """The same from column norms of the basis and the true shape's extents; exact where the camera is a scaled rotation."""
    error = (params - target).abs()
    points = model.model_points(target[:, 12:])  # [batch, n, 3]
    extent = torch.cat([points.pow(2).sum(1).sqrt(), torch.full_like(points[:, 0, :1], points.shape[1] ** 0.5)], 1)  # [batch, 4]
    scale = target[:, :12].reshape(-1, 3, 4)[:, :, :3].pow(2).sum((1, 2)).div(3).sqrt()  # [batch]
    columns = model.basis.pow(2).sum(0).sqrt()
    return torch.cat([error[:, :12] * extent.repeat(1, 3), error[:, 12:] * columns * scale[:, None]], 1)


def wpdc_loss(model, z, z_target, mean, std):
    with torch.no_grad():
        weights = wpdc_weights(model, z * std + mean, z_target * std + mean)
    return _weighted(weights, z, z_target)


def fwpdc_loss(model, z, z_target, mean, std):
    with torch.no_grad():
        weights = fwpdc_weights(model, z * std + mean, z_target * std + mean)
    return _weighted(weights, z, z_target)


def landmark_head_loss(predicted, landmarks, size=120.0):
    """
    Landmark-regression regularisation: the second head's 68 x 2 points, in half crops from its centre, against the true ones.
    @param predicted [batch, 136]; landmarks [batch, 68, 2] px of the crop.
    """
    target = (landmarks - size / 2) / (size / 2)
    return (predicted.reshape(target.shape) - target).pow(2).sum(2).mean()
