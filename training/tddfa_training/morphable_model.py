"""The morphable model in torch: parameters -> vertices, differentiable."""
import numpy as np
import torch

from .crops import LANDMARK_FLIP
from .head_crops import mode_signs
from .paths import model_folder

CAMERA, SHAPE, EXPRESSION = slice(0, 12), slice(12, 52), slice(52, 62)


class MorphableModel(torch.nn.Module):
    """
    A subset of the dense model's vertices: its 68 landmarks first, then every `stride`-th vertex.
    Works with any model in the original's layout: pass its arrays.
    """

    def __init__(self, mean, shape_basis, expression_basis, keypoints, stride=40):
        super().__init__()
        rows = np.asarray(keypoints, np.int64)
        if stride:
            vertices = np.arange(0, len(mean) // 3, stride)
            rows = np.concatenate([rows, (vertices[:, None] * 3 + np.arange(3)).ravel()])
        basis = np.concatenate([shape_basis, expression_basis], 1)
        self.register_buffer("mean", torch.tensor(np.asarray(mean).reshape(-1)[rows], dtype=torch.float32))
        self.register_buffer("basis", torch.tensor(basis[rows], dtype=torch.float32))
        self.shape_count, self.expression_count = shape_basis.shape[1], expression_basis.shape[1]

    @classmethod
    def load(cls, folder=None, stride=40):
        folder = folder or model_folder()
        load = lambda name: np.load(folder / f"dense-{name}.npy")
        return cls(load("mean").reshape(-1), load("shape-basis"), load("expression-basis"), load("keypoints"), stride)

    def model_points(self, coefficients):
        """[batch, n, 3] in model units."""
        return (self.mean + coefficients @ self.basis.T).reshape(len(coefficients), -1, 3)

    def points_of(self, coefficients):
        """NumPy [n, 3] in model units from one face's coefficients [shape + expression]."""
        with torch.no_grad():
            return self.model_points(torch.from_numpy(np.asarray(coefficients, np.float32))[None])[0].numpy().astype(np.float64)

    def forward(self, params):
        """[batch, n, 3] px of the crop (x from 1, y up) from de-normalised params [batch, 12 + shape + expression]."""
        camera = params[:, :12].reshape(-1, 3, 4)
        points = self.model_points(params[:, 12:])
        return points @ camera[:, :, :3].transpose(1, 2) + camera[:, None, :, 3]

    def vertices_of(self, params):
        """NumPy [n, 3] px of the crop from one face's params [62]."""
        with torch.no_grad():
            return self(torch.from_numpy(np.asarray(params, np.float32))[None])[0].numpy()


def shape_mode_signs(folder=None):
    """[40] +1 or -1: the effect of mirroring on each shape mode."""
    folder = folder or model_folder()
    basis, keypoints = np.load(folder / "dense-shape-basis.npy"), np.load(folder / "dense-keypoints.npy").astype(np.int64)
    return mode_signs(basis[keypoints].reshape(68, 3, -1), LANDMARK_FLIP)
