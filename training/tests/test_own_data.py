"""Tests of loading your own data and weights: 300W-LP, packs, exported checkpoints."""
import json
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tddfa_training import checkpoints, faceboxes, lp300w  # noqa: E402
from tddfa_training.networks import MobileNetV1  # noqa: E402
from tests.test_training import toy_model  # noqa: E402

try:
    from scipy.io import savemat
except ImportError:
    savemat = None


class Folder(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


@unittest.skipIf(savemat is None, "SciPy is not installed")
class Lp300w(Folder):
    def setUp(self):
        super().setUp()
        self.model = toy_model(3)
        self.rng = np.random.default_rng(9)
        self.pose = np.array([0.2, -0.5, 0.1, 210.0, 240.0, 0.0, 8e-4])
        self.shape, self.expression = self.rng.normal(0, 1, 199), self.rng.normal(0, 1, 29)

    def landmarks(self):
        """By the data set's own definition: 1-based, y up from the bottom."""
        x, y, z = self.pose[:3]
        turn_x = np.array([[1, 0, 0], [0, np.cos(x), np.sin(x)], [0, -np.sin(x), np.cos(x)]])
        turn_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
        turn_z = np.array([[np.cos(z), np.sin(z), 0], [-np.sin(z), np.cos(z), 0], [0, 0, 1]])
        points = self.model.points_of(np.concatenate([self.shape[:40], self.expression[:10]]))[:68]
        placed = self.pose[6] * points @ (turn_x @ turn_y @ turn_z).T + self.pose[3:6]
        return np.stack([placed[:, 0] - 1, 450 - placed[:, 1]], 1)  # 0-based column and row

    def write(self, name, image=None, **changed):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.zeros((450, 450, 3), np.uint8) if image is None else image)
        fields = {"Pose_Para": self.pose[None], "Shape_Para": self.shape[:, None], "Exp_Para": self.expression[:, None],
                  "Color_Para": np.ones((1, 7)), **changed}
        savemat(path.with_suffix(".mat"), {key: value for key, value in fields.items() if value is not None})

    def test_crops_show_the_landmarks_where_the_annotation_puts_them(self):
        image = np.zeros((450, 450, 3), np.uint8)
        points = self.landmarks()
        nose = points[30]
        cv2.circle(image, (int(round(nose[0])), int(round(nose[1]))), 14, (255, 255, 255), -1)
        self.write("AFW/AFW_1_0.png", image)
        sampler = lp300w.Lp300wSampler(self.folder, self.model, augmented=False)
        images, params, landmarks = sampler.batch(np.random.default_rng(1), 12)
        self.assertEqual((images.shape, params.shape, landmarks.shape), ((12, 120, 120, 3), (12, 62), (12, 68, 2)))
        shown = 0
        for crop, p, seen in zip(images, params, landmarks):
            self.assertLess(np.abs(self.model.vertices_of(p)[:68, :2] - seen).max(), 0.02)
            self.assertTrue(np.allclose(p[12:52], self.shape[:40], atol=1e-5))
            rows, columns = np.nonzero(crop[..., 0] > 128)
            if len(rows) > 20 and rows.min() > 0 and rows.max() < 119 and columns.min() > 0 and columns.max() < 119:
                # 1-based, y up; the dot was drawn on whole pixels of the picture.
                self.assertLess(np.hypot(columns.mean() + 1 - seen[30, 0], 120 - rows.mean() - seen[30, 1]), 0.6)
                shown += 1
        self.assertGreater(shown, 6)

    def test_versions_of_a_photograph_stay_in_one_split(self):
        paths = [Path(f"{folder}/photo{i}_{turn}.jpg") for i in range(200) for folder in ("AFW", "AFW_Flip") for turn in (0, 3, 11)]
        held = {path: lp300w.is_held_out(path) for path in paths}
        for i in range(200):
            self.assertEqual(len({held[path] for path in paths if path.stem.startswith(f"photo{i}_")}), 1)
        self.assertTrue(2 < sum(held.values()) / 6 < 25)  # one in twenty of 200

    def test_bad_annotations_say_what_is_wrong(self):
        self.write("a/one_0.png", Exp_Para=None)
        with self.assertRaisesRegex(ValueError, "one_0.mat: no Exp_Para"):
            lp300w.read_annotation(self.folder / "a" / "one_0.mat")
        self.write("a/one_0.png", Shape_Para=np.ones((12, 1)))
        with self.assertRaisesRegex(ValueError, "at least 40"):
            lp300w.read_annotation(self.folder / "a" / "one_0.mat")
        (self.folder / "a" / "one_0.mat").write_bytes(b"nothing of the kind")
        with self.assertRaisesRegex(ValueError, "not a readable .mat"):
            lp300w.read_annotation(self.folder / "a" / "one_0.mat")
        with self.assertRaisesRegex(ValueError, "no held-out picture"):
            lp300w.Lp300wSampler(self.folder, self.model, held_out=True)

    def test_without_scipy_the_error_names_it(self):
        with mock.patch.dict(sys.modules, {"scipy.io": None}), self.assertRaisesRegex(RuntimeError, "SciPy"):
            lp300w.read_annotation(self.folder / "any.mat")


def randomised(network, seed=0):
    """BatchNorm as after training: no statistic at its initial value."""
    generator = torch.Generator().manual_seed(seed)
    state = network.state_dict()
    for key, value in state.items():
        if key.endswith(("running_mean", "bias")):
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
        elif key.endswith("running_var") or (value.ndim == 1 and value.dtype.is_floating_point):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return network.eval()


def write_pack(folder, networks):
    """A pack as `tddfa convert` lays it out, with BatchNorm folded; `networks`: {role: network}."""
    models = []
    for role, network in networks.items():
        (folder / role).mkdir(parents=True)
        modules, specs, data = dict(network.named_modules()), [], []

        def put(name, array):
            specs.append({"name": name, "shape": list(array.shape), "dtype": "float32"})
            data.append(np.ascontiguousarray(array, np.float32).tobytes())

        for name, module in modules.items():
            if isinstance(module, torch.nn.Linear) and name == "fc_param":
                put("fc/kernel", module.weight.detach().numpy().T)
                put("fc/bias", module.bias.detach().numpy())
            if not isinstance(module, torch.nn.Conv2d):
                continue
            weight, bias = module.weight.detach(), module.bias
            if bias is None:
                head, _, last = name.rpartition(".")
                norm = modules[f"{head}.{last.replace('conv', 'bn', 1)}".lstrip(".")]
                scale = norm.weight.detach() / torch.sqrt(norm.running_var + norm.eps)
                weight, bias = weight * scale[:, None, None, None], norm.bias - scale * norm.running_mean
            if module.groups > 1:
                put(f"{name}/depthwise_kernel", weight.numpy().transpose(2, 3, 0, 1))
            else:
                put(f"{name}/kernel", weight.numpy().transpose(2, 3, 1, 0))
            put(f"{name}/bias", bias.detach().numpy())
        (folder / role / "weights.bin").write_bytes(b"".join(data))
        (folder / role / "model.json").write_text(json.dumps({"weightsManifest": [{"paths": ["weights.bin"], "weights": specs}]}))
        models.append({"name": f"my-{role}", "role": role, "path": f"{role}/model.json"})
        if role == "regressor":
            models[-1].update(normalization="numbers", widthMultiplier=0.25)
            (folder / "numbers").mkdir()
            values = np.arange(124, dtype=np.float32)
            (folder / "numbers" / "tensors.bin").write_bytes(values.tobytes())
            (folder / "numbers" / "tensors.json").write_text(json.dumps({"data": "tensors.bin", "tensors": [
                {"name": "mean", "dtype": "float32", "shape": [62], "byteOffset": 0},
                {"name": "std", "dtype": "float32", "shape": [62], "byteOffset": 248}]}))
            models.append({"name": "numbers", "role": "normalization", "path": "numbers/tensors.json"})
    (folder / "pack.json").write_text(json.dumps({"models": models}))


class Start(Folder):
    def both(self, role, network, make, inputs):
        write_pack(self.folder / role, {role: network})
        stored = checkpoints.load_start(self.folder / role, role, make)
        again = make({"widthMultiplier": 0.25})
        again.load_state_dict(stored["state_dict"])
        with torch.no_grad():
            wanted = network(inputs)[0]
            self.assertLess(float((again.eval()(inputs)[0] - wanted).abs().max()), 1e-4 * float(wanted.abs().max()))
            checkpoints.open_batch_norm(again, inputs)
            self.assertLess(float((again.eval()(inputs)[0] - wanted).abs().max()), 1e-4 * float(wanted.abs().max()))
            # Training uses batch statistics, which now give the same result.
            self.assertLess(float((again.train()(inputs)[0] - wanted).abs().max()), 1e-3 * float(wanted.abs().max()))
        return stored

    def test_a_regressor_comes_back_from_a_pack(self):
        torch.manual_seed(0)
        stored = self.both("regressor", randomised(MobileNetV1(0.25)), lambda entry: MobileNetV1(entry["widthMultiplier"]), torch.randn(8, 3, 120, 120))
        self.assertEqual((stored["widen"], float(stored["mean"][61]), float(stored["std"][0])), (0.25, 61.0, 62.0))

    def test_a_detector_comes_back_from_a_pack(self):
        torch.manual_seed(1)
        self.both("detector", randomised(faceboxes.FaceBoxes()), lambda entry: faceboxes.FaceBoxes(), torch.randn(4, 3, 128, 128) * 50)

    def test_the_open_pack_is_a_start(self):
        pack = Path(__file__).parents[2] / "weights" / "open"
        for name, widen in (("open-mb05", 0.5), ("open-mb1", 1.0)):
            stored = checkpoints.load_start(pack, "regressor", checkpoints.regressor_of, name)
            self.assertEqual((stored["widen"], len(stored["std"]), len(stored["expression_mean"]), len(stored["expression_std"])), (widen, 62, 56, 56))
            network = MobileNetV1(widen, expression_outputs=56)
            network.load_state_dict(stored["state_dict"])
            self.assertGreater(float(network.fc_expression.bias.abs().max()), 0)
        faceboxes.FaceBoxes().load_state_dict(checkpoints.load_start(pack, "detector", lambda entry: faceboxes.FaceBoxes())["state_dict"])

    def test_weights_in_bytes_and_halves_come_back(self):
        network = randomised(MobileNetV1(0.25))
        write_pack(self.folder / "pack", {"regressor": network})
        folder = self.folder / "pack" / "regressor"
        data, described = (folder / "weights.bin").read_bytes(), json.loads((folder / "model.json").read_text())
        stored, wanted, offset = [], {}, 0
        for weight in described["weightsManifest"][0]["weights"]:
            values = np.frombuffer(data, np.float32, int(np.prod(weight["shape"])), offset)
            offset += values.nbytes
            if weight["name"].endswith("conv_sep/kernel"):
                low, scale = float(values.min()), float(np.ptp(values)) / 255
                stored.append(np.round((values - low) / scale).astype(np.uint8))
                weight["quantization"] = {"dtype": "uint8", "min": low, "scale": scale, "original_dtype": "float32"}
                wanted[weight["name"]] = (values, scale * 0.501)
            elif weight["name"].endswith("depthwise_kernel"):
                stored.append(values.astype(np.float16))
                weight["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
                wanted[weight["name"]] = (values, float(np.abs(values).max()) * 2**-11)
            else:
                stored.append(values)
                wanted[weight["name"]] = (values, 0)
        (folder / "weights.bin").write_bytes(b"".join(values.tobytes() for values in stored))
        (folder / "model.json").write_text(json.dumps(described))
        tensors = checkpoints._layers(folder)
        self.assertEqual(tensors.keys(), wanted.keys())
        for name, (values, tolerance) in wanted.items():
            self.assertEqual(tensors[name].dtype, np.float32)
            self.assertLessEqual(float(np.abs(tensors[name].ravel() - values).max()), tolerance, name)
        checkpoints.load_start(self.folder / "pack", "regressor", lambda entry: MobileNetV1(0.25))

    def test_what_does_not_fit_is_named(self):
        write_pack(self.folder / "pack", {"regressor": randomised(MobileNetV1(0.25))})
        with self.assertRaisesRegex(ValueError, "no detector"):
            checkpoints.load_start(self.folder / "pack", "detector", lambda entry: faceboxes.FaceBoxes())
        with self.assertRaisesRegex(ValueError, "no regressor named other"):
            checkpoints.load_start(self.folder / "pack", "regressor", lambda entry: MobileNetV1(0.25), "other")
        with self.assertRaisesRegex(ValueError, "conv1/kernel is"):
            checkpoints.load_start(self.folder / "pack", "regressor", lambda entry: MobileNetV1(0.5))

    def test_what_export_wrote_is_a_start(self):
        network = MobileNetV1(0.25)
        torch.save({"state_dict": network.state_dict()}, self.folder / "mine.pth")
        with self.assertRaisesRegex(ValueError, "mine-mean-std.npz"):
            checkpoints.load_start(self.folder / "mine.pth", "regressor", None)
        np.savez(self.folder / "mine-mean-std.npz", mean=np.full(62, 2, np.float32), std=np.ones(62, np.float32))
        stored = checkpoints.load_start(self.folder / "mine.pth", "regressor", None)
        network.load_state_dict(stored["state_dict"])
        self.assertEqual(float(stored["mean"][5]), 2.0)


if __name__ == "__main__":
    unittest.main()
