"""
The losses of the 3DDFA papers. Parameters are [batch, 62], de-normalised unless named `z` (z-scored).

- VDC, vertex distance cost: the goal itself, but badly conditioned at the start.
- WPDC, weighted parameter distance cost (Zhu et al. 2016): each parameter's error is weighted by how far it moves the vertices
  when all others are correct.
- fWPDC (Guo et al. 2020): the same weights from the norms of the basis columns, exact for a scaled rotation and far cheaper.
"""
import torch


def vdc_loss(model, params, target, planar=False):
    """Mean squared vertex distance in px^2; `planar` ignores the depth."""
    axes = 2 if planar else 3
    return (model(params)[..., :axes] - model(target)[..., :axes]).pow(2).sum(2).mean()


# Landmarks that show expressions, as rows of the 68: weight of the vertices around them, and how near those are (mm).
REGIONS = ((tuple(range(36, 48)), 4.0, 7.0), (tuple(range(48, 68)), 2.5, 7.0), (tuple(range(17, 27)), 2.0, 7.0))

# Pairs of landmarks whose distance an expression changes: lids, lips, mouth corners, brow to eye and brow to brow.
PAIRS = ((37, 41), (38, 40), (43, 47), (44, 46), (61, 67), (62, 66), (63, 65), (50, 61), (52, 63), (58, 67), (56, 65), (51, 57), (48, 54),
         (48, 36), (54, 45), (48, 33), (54, 33), (48, 8), (54, 8), (33, 51), (8, 57), (27, 8), (17, 36), (19, 37), (21, 39), (22, 42), (24, 44),
         (26, 45), (21, 22), (31, 39), (35, 42))
OUTER_EYE_CORNERS = (36, 45)


def vertex_weights(model):
    """[n] weights of the model's vertices, mean 1: those of lids, lips and brows count more, since their movements are small."""
    points = model.mean.reshape(-1, 3) / 1000
    weights = torch.ones(len(points), device=points.device)
    for marks, weight, near in REGIONS:
        distance = torch.cdist(points, points[list(marks)]).amin(1)
        weights = torch.maximum(weights, torch.where(distance < near, weight, 1.0))
    return weights / weights.mean()


def vertex_l1_loss(model, params, target, soft=1.0, depth_weight=0.5, weights=None):
    """
    Smooth L1 vertex distance in px: VDC that bad labels and hopeless samples do not dominate. Below the distance `soft` it is
    quadratic, so that smaller errors count for almost nothing; `weights` [n] of the vertices.
    """
    axes = torch.tensor([1.0, 1.0, depth_weight], device=params.device)
    distance = ((model(params) - model(target)) * axes).pow(2).sum(2)
    distance = torch.sqrt(distance + soft * soft) - soft
    return (distance if weights is None else distance * weights).mean()


def pair_distances(model, params):
    """[batch, pairs] lengths of PAIRS relative to the distance between the outer eye corners, on the faces themselves: pose and camera do not matter."""
    points = model.model_points(params[:, 12:])[:, :68]
    length = lambda pairs: (points[:, [a for a, _ in pairs]] - points[:, [b for _, b in pairs]]).pow(2).sum(2).add(1e-6).sqrt()
    return length(PAIRS) / length((OUTER_EYE_CORNERS,))


def pair_distance_loss(model, params, target, spread):
    """Smooth L1 of pair distances in units of their spread over faces (`spread` [pairs]): a lid's millimetre counts like a jaw's ten."""
    error = (pair_distances(model, params) - pair_distances(model, target)) / spread
    return torch.nn.functional.smooth_l1_loss(error, torch.zeros_like(error), beta=1.0)


class SideContrast:
    """
    Turns errors of a shape's left and right side into errors of their sum and of their difference, each in units of its spread over
    faces. The sides mostly move together, so the difference spreads far less than the sum: with unchanged sides, nearly all of the
    error is the sum's, and a network gives both sides the same number.
    """

    def __init__(self, pairs, std, targets, seen, least_spread):
        """
        @param pairs: columns (left, right), see blendshapes.side_pairs; the other columns stay unchanged.
        @param std: [n] units of the errors.
        @param targets, seen: [faces, n] coefficients, and which of them are visible (0 or 1), to measure the spreads.
        @param least_spread: minimum spread, so that a difference that hardly occurs does not drown out the rest.
        """
        self.matrix = torch.eye(len(std), device=std.device)
        self.partner = torch.arange(len(std), device=std.device)
        for left, right in pairs:
            both = (seen[:, left] * seen[:, right]) > 0
            for column, sign in ((left, 1.0), (right, -1.0)):
                values = (targets[:, left] + sign * targets[:, right])[both]
                spread = values.std(unbiased=False).clamp(min=least_spread) if len(values) else torch.tensor(least_spread)
                self.matrix[left, column] = std[left] / spread
                self.matrix[right, column] = sign * std[right] / spread
            self.partner[left], self.partner[right] = right, left

    def errors(self, errors, seen):
        """The sum's error in the left side's column, the difference's in the right side's; for faces that show only one side, that side's own error."""
        return torch.where(seen * seen[:, self.partner] > 0, errors @ self.matrix, errors)


def expression_loss(z, z_target, seen, weights=None, sides=None):
    """
    Mean squared error of standardised blendshapes and gaze over those that are visible (`seen`, 0 or 1). Squared, since the median of a
    shape that is mostly at rest is 0, and any L1 would stay there.
    @param sides: SideContrast, if there are shapes with two sides.
    """
    error = z - z_target
    if sides is not None:
        error = sides.errors(error, seen)
    counted = seen if weights is None else seen * weights
    return (counted * error.pow(2)).sum() / counted.sum().clamp(min=1)


def _weighted(weights, z, z_target):
    weights = (weights / weights.amax(1, keepdim=True).clamp(min=1e-9)).detach()
    return (weights * (z - z_target)).pow(2).sum(1).mean()


def wpdc_weights(model, params, target):
    """[batch, 62] how far (px, root of the sum of squares) the vertices move when one parameter is wrong and the rest are correct."""
    truth = model(target)
    weights = []
    for i in range(target.shape[1]):
        changed = target.clone()
        changed[:, i] = params[:, i]
        weights.append((model(changed) - truth).pow(2).sum((1, 2)).sqrt())
    return torch.stack(weights, 1)


def fwpdc_weights(model, params, target):
    """The same from column norms of the basis and the true shape's extents; exact if the camera is a scaled rotation."""
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
