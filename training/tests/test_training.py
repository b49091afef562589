"""
Tests of the training code that need neither MakeHuman's data nor renders: `npm run train:test`, or
`python3 -m unittest discover -s training/tests -t training`.
"""
import os
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from tddfa_training import augment, blendshapes, calibrate, checkpoints, compare_options, covers, crop_batches, crops, expressions, faceboxes, faceless_things, feeds, head_crops, losses, metrics, mine, native, refine_crops, short_video, train_detector, train_refine, train_regressor  # noqa: E402
from tddfa_training.calibration_pictures import calibration_pictures  # noqa: E402
from tddfa_training.folder_crops import FolderSampler  # noqa: E402
from tddfa_training.head_crops import CropSampler  # noqa: E402
from tddfa_training.heads import rotation_matrix  # noqa: E402
from tddfa_training.label_fit import refine_labels  # noqa: E402
from tddfa_training.meta_joint import choose_by_meta_test  # noqa: E402
from tddfa_training.morphable_model import MorphableModel  # noqa: E402
from tddfa_training.networks import MobileNetV1, to_input  # noqa: E402
from tddfa_training.render_heads import FIELDS, shard_files  # noqa: E402
from tddfa_training.scenes import SceneSampler  # noqa: E402


def toy_model(seed=0, vertices=150):
    """A random model of the original's layout, in micrometres."""
    rng = np.random.default_rng(seed)
    mean = rng.normal(0, 5e4, 3 * vertices)
    shape, expression = rng.normal(0, 1500, (3 * vertices, 40)), rng.normal(0, 3000, (3 * vertices, 10))
    keypoints = (np.arange(68)[:, None] * 3 + np.arange(3)).ravel()
    return MorphableModel(mean, shape, expression, keypoints, stride=1)


def toy_params(rng, count=1, scale=5e-4):
    """Parameters with a true scaled rotation."""
    rows = []
    for _ in range(count):
        rotation = rotation_matrix(*rng.uniform(-40, 40, 3)) * scale
        camera = np.concatenate([rotation, [[rng.normal(60, 3)], [rng.normal(60, 3)], [0]]], 1)
        rows.append(np.concatenate([camera.ravel(), rng.normal(0, 1, 40), rng.uniform(0, 1, 10)]))
    return torch.tensor(np.array(rows), dtype=torch.float32)


class Losses(unittest.TestCase):
    def setUp(self):
        self.model = toy_model()
        self.rng = np.random.default_rng(1)
        self.target = toy_params(self.rng, 6)
        self.std = toy_params(self.rng, 400).std(0).clamp(min=1e-5)
        self.mean = toy_params(self.rng, 400).mean(0)

    def test_vdc_is_the_squared_vertex_distance(self):
        shifted = self.target.clone()
        shifted[:, 3] += 3.0  # 3 px to the right
        self.assertAlmostEqual(float(losses.vdc_loss(self.model, shifted, self.target)), 9.0, places=3)
        self.assertEqual(float(losses.vdc_loss(self.model, self.target, self.target)), 0.0)
        shifted[:, 11] += 4.0
        self.assertAlmostEqual(float(losses.vdc_loss(self.model, shifted, self.target)), 25.0, places=3)
        self.assertAlmostEqual(float(losses.vdc_loss(self.model, shifted, self.target, planar=True)), 9.0, places=3)

    def test_fast_weights_equal_the_slow_ones_for_a_scaled_rotation(self):
        wrong = self.target + torch.tensor(self.rng.normal(0, 1, self.target.shape), dtype=torch.float32) * self.std
        slow = losses.wpdc_weights(self.model, wrong, self.target)
        fast = losses.fwpdc_weights(self.model, wrong, self.target)
        # Measured 2e-4: float32 differences of vertices.
        self.assertLess(float(((slow - fast).abs() / slow.amax(1, keepdim=True)).max()), 1e-3)

    def test_weighted_losses_vanish_only_at_the_truth_and_have_gradients(self):
        z_target = (self.target - self.mean) / self.std
        for loss in (losses.wpdc_loss, losses.fwpdc_loss):
            self.assertEqual(float(loss(self.model, z_target, z_target, self.mean, self.std)), 0.0)
            z = (z_target + 0.3).requires_grad_(True)
            value = loss(self.model, z, z_target, self.mean, self.std)
            value.backward()
            self.assertGreater(float(value), 0)
            self.assertTrue(bool((z.grad != 0).any()))
            self.assertTrue(bool(torch.isfinite(z.grad).all()))

    def test_the_parameter_that_moves_most_weighs_most(self):
        wrong = self.target.clone()
        wrong[:, 12] += 1e-3
        wrong[:, 3] += 5
        weights = losses.fwpdc_weights(self.model, wrong, self.target)
        self.assertTrue(bool((weights.argmax(1) == 3).all()))

    def test_landmark_head_measures_in_half_crops(self):
        landmarks = torch.full((2, 68, 2), 60.0)
        self.assertEqual(float(losses.landmark_head_loss(torch.zeros(2, 136), landmarks)), 0.0)
        self.assertAlmostEqual(float(losses.landmark_head_loss(torch.zeros(2, 136), landmarks + 60)), 2.0, places=5)


class SeeingExpressions(unittest.TestCase):
    def setUp(self):
        self.model = toy_model()
        self.rng = np.random.default_rng(3)
        self.target = toy_params(self.rng, 8)

    def test_pair_distances_ignore_pose_and_size_and_change_with_the_face(self):
        distances = losses.pair_distances(self.model, self.target)
        moved = self.target.clone()
        moved[:, :12] = toy_params(self.rng, 8, scale=2e-4)[:, :12]
        self.assertTrue(torch.equal(losses.pair_distances(self.model, moved), distances))
        points = self.model.model_points(self.target[:, 12:])[0, :68].numpy()
        first, second = losses.PAIRS[0]
        by_hand = np.linalg.norm(points[first] - points[second]) / np.linalg.norm(points[36] - points[45])
        self.assertAlmostEqual(float(distances[0, 0]), by_hand, places=5)
        spread = torch.ones(len(losses.PAIRS))
        self.assertEqual(float(losses.pair_distance_loss(self.model, self.target, self.target, spread)), 0.0)
        moved[:, 52] += 1
        self.assertGreater(float(losses.pair_distance_loss(self.model, moved, self.target, spread)), 0)

    def test_vertices_near_lids_and_lips_weigh_more(self):
        weights = losses.vertex_weights(self.model)
        self.assertAlmostEqual(float(weights.mean()), 1.0, places=5)
        self.assertEqual(int(weights[:68].argmax()), 36)
        self.assertGreater(float(weights[40]), float(weights[50]))
        self.assertGreater(float(weights[50]), float(weights[5]))

    def test_what_cannot_be_seen_is_not_learned(self):
        z = torch.zeros(2, 3, requires_grad=True)
        seen = torch.tensor([[1.0, 0, 1], [0, 0, 1]])
        loss = losses.expression_loss(z, torch.tensor([[1.0, 5, 0], [7, 7, 2]]), seen)
        self.assertAlmostEqual(float(loss), 5 / 3, places=6)
        loss.backward()
        self.assertTrue(bool((z.grad[seen == 0] == 0).all()))
        self.assertEqual(float(losses.expression_loss(z, z + 1, torch.zeros(2, 3))), 0.0)

    def sided(self, targets):
        """Deviations of columns and the contrast of columns 0 and 1, for faces that show everything."""
        std = targets.std(0, unbiased=False)
        return std, losses.SideContrast([(0, 1)], std, targets, torch.ones_like(targets), least_spread=1e-3)

    def faces_that_smile(self, count=20_000):
        """[n, 3]: both sides of a smile, which differ by a tenth or, rarely, completely; and a shape in the middle."""
        smile = self.rng.uniform(0, 1, count) * (self.rng.random(count) < 0.3)
        both = smile[:, None] * (1 + self.rng.normal(0, 0.12, (count, 2)))
        both[self.rng.random(count) < 0.2] *= [1, 0.3]
        return torch.tensor(np.column_stack([both, self.rng.uniform(0, 1, count)]), dtype=torch.float32)

    def test_a_difference_of_sides_pulls_as_hard_as_their_sum(self):
        targets = self.faces_that_smile()
        std, sides = self.sided(targets)
        left, right = targets[:, 0].numpy(), targets[:, 1].numpy()
        of_sum, of_difference = (left + right).std(), (left - right).std()
        self.assertLess((of_difference / of_sum) ** 2, 0.2)  # the purpose of this
        seen = torch.ones(1, 3)

        def pulls(contrast):
            """Gradients for the sum and the difference when both are wrong by one deviation of their own."""
            wrong = torch.ones(2, requires_grad=True)
            total, difference = wrong[0] * of_sum, wrong[1] * of_difference
            error = torch.stack([(total + difference) / 2, (total - difference) / 2, torch.tensor(0.0)])
            losses.expression_loss((error / std)[None], torch.zeros(1, 3), seen, sides=contrast).backward()
            return wrong.grad

        of_both = pulls(sides)
        self.assertAlmostEqual(float(of_both[0]), 2 / 3, places=4)
        self.assertAlmostEqual(float(of_both[1]), 2 / 3, places=4)
        as_they_are = pulls(None)
        self.assertLess(float(as_they_are[1] / as_they_are[0]), 0.25)

    def test_sides_that_have_nothing_to_do_with_each_other_count_as_they_are(self):
        targets = torch.tensor(self.rng.uniform(0, 1, (50_000, 3)), dtype=torch.float32)
        _, sides = self.sided(targets)
        z, z_target = torch.tensor(self.rng.normal(0, 1, (2, 64, 3)), dtype=torch.float32)
        seen = torch.ones_like(z)
        plain, contrasted = (float(losses.expression_loss(z, z_target, seen, sides=s)) for s in (None, sides))
        self.assertLess(abs(contrasted / plain - 1), 0.03)
        self.assertEqual(float(losses.expression_loss(z, z, seen, sides=sides)), 0.0)

    def test_a_side_that_is_seen_alone_counts_as_it_is(self):
        targets = self.faces_that_smile()
        _, sides = self.sided(targets)
        z, z_target = torch.tensor(self.rng.normal(0, 1, (2, 1, 3)), dtype=torch.float32)
        one = torch.tensor([[1.0, 0, 1]])
        alone = losses.expression_loss(z, z_target, one, sides=sides)
        self.assertAlmostEqual(float(alone), float(losses.expression_loss(z, z_target, one)), places=6)

    def test_sides_that_never_differ_do_not_drown_the_rest(self):
        targets = self.faces_that_smile()
        targets[:, 1] = targets[:, 0]
        std, sides = self.sided(targets)
        self.assertAlmostEqual(float(sides.matrix[0, 1] / std[0]), 1000, delta=1)
        self.assertTrue(bool(torch.isfinite(sides.matrix).all()))

    def test_pairs_are_one_shape_on_either_side(self):
        names = blendshapes.BLENDSHAPES
        pairs = {(names[left], names[right]) for left, right in blendshapes.side_pairs(names)}
        self.assertEqual(len(pairs), 16)
        self.assertIn(("mouthSmileLeft", "mouthSmileRight"), pairs)
        self.assertIn(("jawLeft", "jawRight"), pairs)
        self.assertFalse(any("Look" in left for left, _ in pairs))
        self.assertEqual(blendshapes.side_pairs(refine_crops.EYE_OUTPUTS), [])
        self.assertEqual(len(blendshapes.side_pairs(refine_crops.MOUTH_OUTPUTS)), 11)

    def test_correlation_slope_and_auc_by_hand(self):
        truth = np.array([0.0, 1, 2, 3])
        correlation, slope = metrics.correlation_and_slope(0.25 * truth + 7, truth)
        self.assertAlmostEqual(correlation, 1.0)
        self.assertAlmostEqual(slope, 0.25)
        self.assertEqual(metrics.correlation_and_slope(truth, np.ones(4)), (0.0, 0.0))
        self.assertAlmostEqual(metrics.area_under_curve(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])), 0.75)
        self.assertTrue(np.isnan(metrics.area_under_curve(truth, np.zeros(4, bool))))
        self.assertAlmostEqual(float(metrics.gaze_angle(np.array([[30.0, 0]]), np.array([[0.0, 0]]))[0]), 30.0, places=4)

    def test_a_perfect_prediction_is_reported_so(self):
        truth = np.random.default_rng(0).uniform(0, 1, (60, 56))
        truth[:20, [0, 7]] = 0
        truth[20:40, [0, 7]] = 1
        report = metrics.expression_report(truth, truth, np.ones_like(truth), np.ones(60, bool))
        self.assertAlmostEqual(report["mean_correlation"], 1.0)
        self.assertEqual((report["blink_auc"], round(report["gaze_degrees"], 6)), (1.0, 0.0))

    def test_other_statistics_give_the_same_numbers(self):
        network = MobileNetV1(0.25, expression_outputs=56)
        for head in (network.fc_param, network.fc_expression):
            torch.nn.init.normal_(head.weight, 0, 0.1)
        draw = lambda n: torch.rand(n, generator=torch.Generator().manual_seed(n)) + 0.5
        old = {"mean": draw(62), "std": draw(62), "expression_mean": draw(56), "expression_std": draw(56)}
        new = {name: 2 * values + 0.3 for name, values in old.items()}
        x = torch.randn(3, 3, 120, 120)
        network.eval()
        with torch.no_grad():
            before = network(x)
            network.load_state_dict(train_regressor.restandardised(network.state_dict(), old, new))
            after = network(x)
        for k, prefix in ((0, ""), (2, "expression_")):
            a, b = (heads[k] * s[f"{prefix}std"] + s[f"{prefix}mean"] for heads, s in ((before, old), (after, new)))
            self.assertLess(float((a - b).abs().max()), 1e-4)


class Expressions(unittest.TestCase):
    def test_mirroring_swaps_sides_and_turns_eyes(self):
        target = np.arange(56.0)
        mirrored = target[blendshapes.MIRROR] * blendshapes.MIRROR_SIGNS
        self.assertTrue((mirrored[blendshapes.MIRROR] * blendshapes.MIRROR_SIGNS == target).all())
        self.assertEqual(mirrored[blendshapes.BLENDSHAPES.index("eyeBlinkLeft")], blendshapes.BLENDSHAPES.index("eyeBlinkRight"))
        self.assertEqual(list(mirrored[52:]), [-54, 55, -52, 53])

    def test_drawn_faces_are_possible_and_many_are_neutral(self):
        rng = np.random.default_rng(0)
        drawn = [expressions.sample_expression(rng, 10, 5) for _ in range(3000)]
        weights, gaze = np.array([w for w, _ in drawn]), np.array([g for _, g in drawn])
        self.assertTrue((weights >= 0).all() and (weights <= 1).all())
        at = blendshapes.BLENDSHAPES.index
        self.assertTrue((weights[:, at("mouthClose")] <= weights[:, at("jawOpen")] + 1e-9).all())
        for stem in ("jaw", "mouth"):
            self.assertEqual(float(np.minimum(weights[:, at(f"{stem}Left")], weights[:, at(f"{stem}Right")]).max()), 0)
        mouth = weights[:, blendshapes.MOUTH_COLUMNS]
        self.assertGreater((mouth == 0).all(1).mean(), 0.2)
        self.assertGreater((weights[:, at("eyeBlinkLeft")] == 1).mean(), 0.1)
        self.assertTrue((weights.max(0) > 0.5).all(), "every shape occurs")
        self.assertTrue((np.abs(gaze[:, [0, 2]]) < 45).all() and (np.abs(gaze[:, [1, 3]]) < 30).all())

    def test_lids_follow_the_eyes(self):
        weights = blendshapes.look_weights([blendshapes.GAZE_FULL_DEGREES["out"], 0, -blendshapes.GAZE_FULL_DEGREES["out"] / 2, -10])
        at = blendshapes.BLENDSHAPES.index
        self.assertEqual(weights[at("eyeLookOutLeft")], 1)
        self.assertEqual(weights[at("eyeLookOutRight")], 0.5)
        self.assertGreater(weights[at("eyeLookDownRight")], 0)
        self.assertEqual(np.count_nonzero(weights), 3)

    def test_what_hides_a_face_hides_its_labels(self):
        labels = {"blendshapes": np.zeros(52), "gaze": np.zeros(4), "look": np.zeros(6), "pose": np.zeros(3)}
        self.assertTrue(head_crops.expression_target(labels, False)[1].all())
        seen = head_crops.expression_target({**labels, "look": np.array([0, 0, 0, 0, 1, 0])}, False)[1]
        self.assertFalse(seen[blendshapes.EYE_COLUMNS].any() or seen[blendshapes.GAZE_COLUMNS].any())
        seen = head_crops.expression_target({**labels, "pose": np.array([70.0, 0, 0])}, True)[1]
        self.assertFalse(seen[7:14].any())  # the far left eye is the right one in the mirror
        self.assertTrue(seen[:7].all())
        self.assertFalse(head_crops.expression_target({"pose": labels["pose"]}, False)[1].any())


class CropsOnDevices(unittest.TestCase):
    """crop_batches.py compared with the code that makes the same crops one by one."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        write_shard(self.folder.name)
        self.shards = head_crops.HeadShards(self.folder.name, refine=False)
        self.signs = np.where(np.arange(40) % 3 == 0, -1.0, 1.0)

    def tearDown(self):
        self.folder.cleanup()

    def test_labels_and_pictures_equal_those_made_one_by_one(self):
        rng = np.random.default_rng(2)
        for flip in (False, True):
            picture, labels = self.shards.head(0)
            labels = {**labels, "shape": rng.normal(0, 1, 40)}
            roi = crops.sample_roi(rng, labels["box"], labels["landmarks"])
            matrix = crops.crop_matrix(roi, 17.0, flip)
            centre, side = (roi[:2] + roi[2:]) / 2, roi[2] - roi[0]
            tensors = {name: torch.tensor(values, dtype=torch.float32)[None] for name, values in labels.items()}
            made = crop_batches.crop_matrices(torch.tensor([[*centre, side]], dtype=torch.float32), torch.tensor([17.0]), torch.tensor([flip]))
            self.assertLess(np.abs(made[0].numpy() - matrix).max(), 1e-3)
            params, landmarks = crop_batches.crop_parameters(made, tensors, torch.tensor(self.signs, dtype=torch.float32), torch.tensor([flip]))
            wanted = crops.crop_params(matrix, labels["camera"], labels["rotation"], labels["shape"], labels["expression"], self.signs, flip)
            self.assertLess(np.abs(params[0].numpy() - wanted).max(), 2e-3)
            self.assertLess(np.abs(landmarks[0].numpy() - crops.crop_landmarks(matrix, labels["landmarks"], flip)).max(), 2e-3)
            shifted = matrix.copy()
            shifted[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
            by_opencv = cv2.warpAffine(picture, shifted, (120, 120), flags=cv2.INTER_LINEAR).astype(float)
            image = crop_batches.sample(torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float(), made, 120, torch.float32)[0].permute(1, 2, 0).numpy()
            self.assertLess(np.abs(image - by_opencv).mean(), 0.3)  # OpenCV rounds positions to 1/32 px

    def test_rois_spread_as_those_drawn_one_by_one(self):
        _, labels = self.shards.head(0)
        rng, draw = np.random.default_rng(0), crop_batches.Draw("cpu", 0)
        one_by_one = np.array([crops.sample_roi(rng, labels["box"], labels["landmarks"]) for _ in range(4000)])
        one_by_one = np.column_stack([(one_by_one[:, :2] + one_by_one[:, 2:]) / 2, one_by_one[:, 2] - one_by_one[:, 0]])
        repeat = lambda values: torch.tensor(values, dtype=torch.float32)[None].expand(4000, *values.shape)
        batch = crop_batches.rois_of(draw, repeat(labels["box"]), repeat(labels["landmarks"])).numpy()
        # Standard errors of 4000 are below 0.2 px.
        self.assertLess(np.abs(batch.mean(0) - one_by_one.mean(0)).max(), 1.0)
        self.assertLess(np.abs(batch.std(0) / one_by_one.std(0) - 1).max(), 0.1)

    def test_blur_and_jpeg_equal_opencv(self):
        rng = np.random.default_rng(1)
        image = cv2.GaussianBlur(rng.integers(0, 256, (120, 120, 3)).astype(np.uint8), (0, 0), 2)
        tensor = torch.from_numpy(image[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        back = lambda t: t[0].permute(1, 2, 0).numpy()[..., ::-1] * 255
        for sigma in (0.7, 1.7):
            wanted = cv2.GaussianBlur(image, (13, 13), sigma, borderType=cv2.BORDER_REPLICATE)
            self.assertLess(np.abs(back(crop_batches.blurred(tensor, torch.tensor([sigma]))) - wanted).mean(), 0.6)
        for quality in (20, 75):
            wanted = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR).astype(float)
            got = back(crop_batches.compressed(tensor, torch.tensor([float(quality)])))
            lost = np.abs(wanted - image).mean()
            self.assertLess(np.abs(got - wanted).mean(), 0.5 * lost)  # closer to libjpeg's picture than that is to the original

    def test_batches_show_heads_where_labels_say(self):
        batches = crop_batches.CropBatches("cpu", self.signs, heads=16, patches=8, covers=8, seed=3)
        for pictures, labels in self.shards.shards.values():
            batches.add_heads(pictures, labels)
        pictures = head_crops.Backgrounds([np.random.default_rng(1).integers(0, 60, (200, 300, 3)).astype(np.uint8)])
        batches.add_patches(covers.make_patches(np.random.default_rng(2), pictures, 8))
        images, params, landmarks, targets, seen = batches.batch(64)
        self.assertEqual((images.shape, params.shape, landmarks.shape, targets.shape), ((64, 3, 120, 120), (64, 62), (64, 68, 2), (64, 56)))
        self.assertFalse(bool(seen.any()))  # these shards have no blendshapes
        self.assertTrue(bool(torch.isfinite(images).all()) and float(images.abs().max()) <= 1.0)
        self.assertLess(float((params[:, [3, 7]] - landmarks.mean(1)).abs().max()), 0.05)
        batches.add_covers(covers.make_covers(np.random.default_rng(2), pictures, 8))
        again = batches.batch(64, augmented=False)[0]
        self.assertEqual(again.shape, (64, 3, 120, 120))

    def test_a_ring_keeps_the_newest(self):
        batches = crop_batches.CropBatches("cpu", self.signs, patches=4)
        for value in range(7):
            batches.add_patches(np.full((1, crop_batches.PATCH_SIZE, crop_batches.PATCH_SIZE, 3), value, np.uint8))
        self.assertEqual(sorted(batches.held["patch"][:, 0, 0, 0].tolist()), [3, 4, 5, 6])
        self.assertEqual(batches.count["patches"], 4)

    def test_composed_crops_are_used_twice_and_the_oldest_go(self):
        numbers = iter(range(1000))
        crops = feeds.ReusedCrops(lambda: (torch.full((4, 2), value := float(next(numbers))), torch.full((4,), value)))
        served = []
        for _ in range(40):
            images, labels = crops.batch(2)
            self.assertEqual((tuple(images.shape), tuple(labels.shape)), ((2, 2), (2,)))
            self.assertTrue(bool((images == labels[:, None]).all()))  # they stay together
            served.append(set(labels.tolist()))
        self.assertEqual(next(numbers), 40 * 2 // (4 * feeds.USES))
        self.assertTrue(min(served[-1]) >= 10 - feeds.KEPT_COMPOSED)
        self.assertGreater(len(set().union(*served)), 5)

    def test_scenes_of_a_pool_keep_boxes_on_their_faces(self):
        size = 320
        image = np.zeros((1, size, size, 3), np.uint8)
        image[0, 100:180, 120:190] = 200
        boxes = np.zeros((1, 16, 5), np.float32)
        boxes[0, 0] = [120, 100, 190, 180, 1]
        pool = train_detector.ScenePool("cpu", 4)
        pool.add(image, boxes)
        for enlargement in (1, 2.0):
            images, moved = pool.sample(12, enlargement)
            means = torch.tensor(faceboxes.CHANNEL_MEANS)[:, None, None]
            for picture, box in zip(images + means, moved[:, 0]):
                x0, y0, x1, y1 = box[:4].int().tolist()
                self.assertGreater(float(picture[:, y0 + 3:y1 - 3, x0 + 3:x1 - 3].min()), 40)
                self.assertEqual(float(box[4]), 1.0)
            self.assertFalse(bool(moved[:, 1:].any()))


BRIGHTNESS = 0.04  # of a spot, difference between a crop and the picture it is cut from


class RefineCrops(unittest.TestCase):
    """Crops of eyes and mouths, from heads that carry their labels as spots of light."""

    EYES, MOUTH = np.array([[32.0, 35, 20], [-32, 35, 20]]), np.array([0.0, -40, 30])  # mm
    HEADS, SIZE = 24, 200
    SPOT, FAR = 3, 12.0  # px around the centre of a spot; mm from the mouth's centre to its corners

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        model = Path(folder.name) / "model"
        model.mkdir()
        self.rng = np.random.default_rng(4)
        self.eye_basis, self.mouth_basis = self.rng.normal(0, 1.5, (2, 3, 40)), self.rng.normal(0, 1.5, (3, 40))
        mean, basis = np.zeros((68, 3)), np.zeros((68, 3, 40))
        mean[refine_crops.MOUTH_LANDMARKS], basis[refine_crops.MOUTH_LANDMARKS] = self.MOUTH, self.mouth_basis
        for name, array in {"eye-centres-mean": self.EYES.ravel(), "eye-centres-basis": self.eye_basis.reshape(6, 40), "dense-mean": mean.ravel(),
                            "dense-shape-basis": basis.reshape(204, 40), "dense-expression-basis": np.zeros((204, 10)), "dense-keypoints": np.arange(204)}.items():
            np.save(model / f"{name}.npy", array if name == "dense-keypoints" else 1000 * array)
        environment = mock.patch.dict(os.environ, {"TDDFA_TRAINING_CACHE": folder.name})
        environment.start()
        self.addCleanup(environment.stop)
        self.labels = self.drawn_labels()
        self.pictures = np.stack([self.picture(k) for k in range(self.HEADS)])

    def drawn_labels(self):
        n, rng = self.HEADS, self.rng
        labels = {"blendshapes": rng.uniform(0, 0.5, (n, 52)), "gaze": rng.uniform(-20, 20, (n, 4)), "look": np.zeros((n, 6)), "pose": np.zeros((n, 3)),
                  "shape": rng.normal(0, 0.5, (n, 40)), "rotation": np.empty((n, 3, 3)), "camera": np.empty((n, 2, 4))}
        for k in range(n):
            rotation = rotation_matrix(rng.uniform(-20, 20), rng.uniform(-15, 15), rng.uniform(-60, 60))
            scale = rng.uniform(1.1, 1.4)  # px per mm
            labels["rotation"][k] = rotation
            labels["camera"][k] = np.column_stack([scale * rotation[:2] * [[1], [-1]], self.SIZE / 2 + rng.normal(0, 4, 2)])  # y down
        return labels

    def project(self, k, point):
        camera = self.labels["camera"][k]
        return camera[:, :3] @ point + camera[:, 3]

    def eye(self, k, side):
        return self.EYES[side] + self.eye_basis[side] @ self.labels["shape"][k]

    def mouth(self, k):
        return self.MOUTH + self.mouth_basis @ self.labels["shape"][k]

    def picture(self, k):
        """Grey. A red spot at each corner of the mouth, as bright as that side smiles; in each eye a green one in the direction of its gaze."""
        image = np.full((self.SIZE, self.SIZE, 4), 60, np.uint8)
        image[..., 3] = 255
        shapes, gaze, at = self.labels["blendshapes"][k], self.labels["gaze"][k], blendshapes.BLENDSHAPES.index

        def spot(point, channel, value):
            x, y = self.project(k, point)
            cv2.circle(image, (round(x - 0.5), round(y - 0.5)), self.SPOT, (*(255 * value if c == channel else 0 for c in range(3)), 255), -1)

        for side, (name, sign) in enumerate((("Left", 1), ("Right", -1))):
            spot(self.mouth(k) + [sign * self.FAR, 0, 0], 0, shapes[at(f"mouthSmile{name}")])
            spot(self.eye(k, side) + [gaze[2 * side] / 2, gaze[2 * side + 1] / 2, 0], 1, 0.5 + shapes[at(f"eyeBlink{name}")])
        return image

    def batches(self):
        batches = refine_crops.RefineBatches("cpu", self.HEADS, seed=5)
        batches.add_heads(self.pictures, self.labels)
        return batches

    def batch(self, kind):
        """Every head three times, randomly mirrored: rows, pictures [n, colour, 64, 64] as bytes (BGR), planes, and targets by name."""
        rows = torch.arange(3 * self.HEADS) % self.HEADS
        inputs, targets, seen = self.batches().batch(kind, len(rows), augmented=False, rows=rows)
        self.assertEqual(inputs.shape[1], refine_crops.CHANNELS[kind])
        self.assertTrue(bool(seen.all()))
        named = dict(zip(refine_crops.OUTPUTS[kind], targets.T.numpy()))
        return rows.numpy(), inputs[:, :-2].numpy() * 128 + 127.5, inputs[:, -2:, 0, 0].numpy(), named

    def test_the_matrix_puts_the_feature_in_the_middle_upright_and_to_scale(self):
        labels = {name: torch.tensor(values, dtype=torch.float32) for name, values in self.labels.items()}
        geometry = refine_crops.RefineGeometry()
        points = geometry.points(labels["shape"])
        flip = torch.arange(self.HEADS) % 2 == 1
        for kind, found, where in (("eye", points[0], lambda k: self.eye(k, 0)), ("eye", points[1], lambda k: self.eye(k, 1)), ("mouth", points[2], self.mouth)):
            matrices = geometry.matrices(labels, refine_crops.SPANS[kind], found, flip).numpy()
            for k in range(self.HEADS):
                seen = lambda offset: matrices[k] @ [*self.project(k, where(k) + np.array(refine_crops.OFFSETS[kind]) + offset), 1]
                middle = seen(np.zeros(3))
                self.assertLess(np.abs(middle - 32).max(), 2e-3)
                up, out = seen(np.array([0, 10.0, 0])) - middle, seen(np.array([10.0, 0, 0])) - middle
                self.assertLess(abs(up[0]), 1e-3)
                self.assertLess(up[1], 0)
                self.assertTrue(out[0] < 0 if flip[k] else out[0] > 0)  # the person's left is the viewer's right
                # A length of the model in the picture's plane: 10 mm of a span of 64 px.
                lengths = np.linalg.svd(matrices[k][:, :2] @ self.labels["camera"][k][:, :3])[1]
                self.assertLess(np.abs(lengths - 64 / refine_crops.SPANS[kind]).max(), 1e-4)

    def place(self, k, point, middle, kind, mirrored):
        """Px of a crop around `middle`, computed from positions in the picture."""
        from_middle, up = self.project(k, point) - self.project(k, middle), self.project(k, middle + [0, 10, 0]) - self.project(k, middle)
        up = up / np.linalg.norm(up)
        right = np.array([-up[1], up[0]])
        factor = 64 / refine_crops.SPANS[kind] / np.linalg.norm(self.labels["camera"][k][0, :3])
        return 32 + factor * (-1 if mirrored else 1) * (from_middle @ right), 32 - factor * (from_middle @ up)

    def is_mirrored(self, k, plane):
        """Whether the direction to the viewer is that of a mirrored head; its height is the same."""
        x, y = self.labels["rotation"][k][2, :2]
        self.assertLess(abs(plane[1] - y), 1e-6)
        self.assertLess(abs(abs(plane[0]) - abs(x)), 1e-6)
        return abs(plane[0] + x) < abs(plane[0] - x)

    def test_mirrored_mouths_have_mirrored_labels(self):
        rows, images, planes, targets = self.batch("mouth")
        mirrored = [self.is_mirrored(k, plane) for k, plane in zip(rows, planes)]
        self.assertTrue(10 < sum(mirrored) < len(rows) - 10)
        for n, k in enumerate(rows):
            middle = self.mouth(k) + refine_crops.OFFSETS["mouth"]
            for sign in (1, -1):
                x, y = self.place(k, self.mouth(k) + [sign * self.FAR, 0, 0], middle, "mouth", mirrored[n])
                # The side on the viewer's right is called left, mirrored or not.
                name = "mouthSmileLeft" if x > 32 else "mouthSmileRight"
                self.assertLess(abs(images[n, 2, int(y), int(x)] / 255 - targets[name][n]), BRIGHTNESS)

    def test_every_eye_comes_as_a_left_one_with_its_own_labels(self):
        rows, images, planes, targets = self.batch("eye")
        blinks = self.labels["blendshapes"][:, [blendshapes.BLENDSHAPES.index(f"eyeBlink{side}") for side in blendshapes.SIDES]]
        for n, k in enumerate(rows):
            own = int(self.is_mirrored(k, planes[n]))
            self.assertAlmostEqual(float(targets["eyeBlink"][n]), blinks[k, own], places=5)
            for first, side in ((0, own), (3, 1 - own)):
                # Both eyes are turned by nearly independent angles: the own one's by the targets, the other's by the labels.
                yaw, pitch = self.labels["gaze"][k, 2 * side:2 * side + 2]
                if side == own:
                    yaw, pitch = targets["yaw"][n] * (-1 if side else 1), targets["pitch"][n]
                eye = self.eye(k, side)
                x, y = self.place(k, eye + [yaw / 2, pitch / 2, 0], eye + refine_crops.OFFSETS["eye"], "eye", side == 1)
                self.assertLess(abs(images[n, first + 1, int(y), int(x)] / 255 - 0.5 - blinks[k, side]), BRIGHTNESS)

    def test_targets_are_standardised_by_what_is_seen_and_come_back_so(self):
        self.labels["look"][::3, 5] = 1  # masks hide mouths
        with mock.patch.object(train_refine, "STATISTICS_FROM", 192):
            training = train_refine.Training("mouth", "cpu", 1e-3)
            training.take_statistics(self.batches())
            _, targets, seen = (part.numpy() for part in self.batches().batch("mouth", 192))
        self.assertTrue(0 < seen.mean() < 1)
        for column, name in enumerate(refine_crops.MOUTH_OUTPUTS):
            shown = targets[seen[:, column] > 0, column]
            self.assertAlmostEqual(float(training.mean[column]), shown.mean(), places=5)
            self.assertAlmostEqual(float(training.std[column]), shown.std(), places=5)
        left, right = (refine_crops.MOUTH_OUTPUTS.index(f"mouthSmile{side}") for side in blendshapes.SIDES)
        both = seen[:, left] * seen[:, right] > 0
        for column, values in ((left, targets[both, left] + targets[both, right]), (right, targets[both, left] - targets[both, right])):
            self.assertAlmostEqual(float(training.sides.matrix[left, column]), float(training.std[left]) / values.std(), places=3)
        with tempfile.TemporaryDirectory() as folder:
            training.save(Path(folder))
            again = train_refine.Training("mouth", "cpu", 1e-3, init=Path(folder) / "refine-mouth")
            again.take_statistics(self.batches())
        self.assertTrue(torch.equal(again.mean, training.mean) and torch.equal(again.std, training.std))
        # An output of 0 is the mean.
        for parameter in again.average.parameters():
            torch.nn.init.zeros_(parameter)
        output, _, _ = train_refine.predictions(again, self.batches(), 4, augmented=False)
        self.assertLess(np.abs(output - training.mean.numpy()).max(), 1e-6)


class MetaJoint(unittest.TestCase):
    def test_keeps_the_better_branch_and_only_it(self):
        torch.manual_seed(0)
        network = torch.nn.Linear(4, 1)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
        x = torch.randn(64, 4)
        y = x @ torch.tensor([[1.0], [-2.0], [0.5], [3.0]])
        calls = []

        def step(name, batch):
            calls.append((name, batch))
            # 'worse' walks away from the target.
            loss = (network(x) - (y if name == "good" else -y)).pow(2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return float(loss.detach())

        def meta_test():
            with torch.no_grad():
                return float((network(x) - y).pow(2).mean())

        before = meta_test()
        name, values = choose_by_meta_test(network, optimizer, ("worse", "good"), step, [0, 1, 2], meta_test)
        self.assertEqual(name, "good")
        self.assertEqual(len(values), 3)
        self.assertEqual([c for c in calls if c[0] == "worse"], [("worse", i) for i in range(3)])
        self.assertLess(meta_test(), before)
        # The kept state is the good branch's own: repeating it by hand gives the same weights.
        torch.manual_seed(0)
        again = torch.nn.Linear(4, 1)
        sgd = torch.optim.SGD(again.parameters(), lr=0.05, momentum=0.9)
        for _ in range(3):
            loss = (again(x) - y).pow(2).mean()
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        self.assertTrue(torch.allclose(again.weight, network.weight, atol=1e-6))


class Crops(unittest.TestCase):
    def test_roi_rules(self):
        # By hand: side 150, centre (100, 125 + 21), size int(237.0).
        self.assertTrue(np.allclose(crops.roi_from_box([50, 25, 150, 225]), [100 - 118.5, 146 - 118.5, 100 + 118.5, 146 + 118.5]))
        roi = crops.roi_from_landmarks(np.array([[0.0, 0], [10, 4]]))
        self.assertAlmostEqual(roi[2] - roi[0], 10 * np.sqrt(2))
        self.assertTrue(np.allclose((roi[:2] + roi[2:]) / 2, [5, 2]))

    def test_params_put_the_model_where_the_landmarks_are(self):
        rng = np.random.default_rng(2)
        model = toy_model(3)
        signs = np.ones(40)
        mean = model.mean.numpy().reshape(-1, 3)[:68] / 1000
        for flip in (False, True):
            shape, expression = rng.normal(0, 1, 40), rng.uniform(0, 1, 10)
            rotation = rotation_matrix(*rng.uniform(-60, 60, 3))
            camera = np.concatenate([0.6 * rotation[:2] * [[1], [-1]], rng.normal(96, 5, (2, 1))], 1)
            points = mean + (model.basis.numpy().reshape(-1, 3, 50)[:68] / 1000) @ np.concatenate([shape, expression])
            canvas = points @ camera[:, :3].T + camera[:, 3]
            matrix = crops.crop_matrix(np.array([40.0, 50, 150, 160]), 12.0, flip)
            params = crops.crop_params(matrix, camera, rotation, shape, expression, signs, flip)
            expected = crops.crop_landmarks(matrix, canvas, False)
            mirrored = points * [-1, 1, 1] if flip else points
            got = mirrored * 1000 @ params[:12].reshape(3, 4)[:, :3].T + params[:12].reshape(3, 4)[:, 3]
            self.assertLess(np.abs(got[:, :2] - expected).max(), 1e-6)
            # A proper scaled rotation: no mirror image slips through.
            camera_matrix = params[:12].reshape(3, 4)[:, :3]
            self.assertGreater(np.linalg.det(camera_matrix), 0)
            product = camera_matrix @ camera_matrix.T
            self.assertLess(np.abs(product / product[0, 0] - np.eye(3)).max(), 1e-9)

    def test_landmark_flip_undoes_itself(self):
        self.assertTrue((crops.LANDMARK_FLIP[crops.LANDMARK_FLIP] == np.arange(68)).all())

    def test_refined_labels_come_closer_to_what_was_seen(self):
        rng = np.random.default_rng(4)
        mean, basis = rng.normal(0, 50, (68, 3)), rng.normal(0, 1.5, (68, 3, 50))
        shape, expression = rng.normal(0, 1, (1, 40)), rng.uniform(0, 1, (1, 10))
        rotation = rotation_matrix(20, 5, 3)
        camera = np.concatenate([0.6 * rotation[:2] * [[1], [-1]], [[96], [96]]], 1)
        # The visible face differs from the labels: nearer, and slightly different in shape and expression.
        true = np.concatenate([shape[0], expression[0]]) + np.concatenate([rng.normal(0, 0.5, 40), rng.normal(0, 0.1, 10)])
        seen = 1.05 * ((mean + basis @ true) @ camera[:, :3].T) + 90
        labels = dict(shape=shape, expression=expression, camera=camera[None], rotation=rotation[None], landmarks=seen[None])
        refined = refine_labels(mean, basis, labels)
        error = lambda l: np.linalg.norm((mean + basis @ np.concatenate([l["shape"][0], l["expression"][0]])) @ l["camera"][0][:, :3].T
                                         + l["camera"][0][:, 3] - seen, axis=1).mean()
        self.assertLess(error(refined), 0.4 * error(labels))


class Metrics(unittest.TestCase):
    def test_pose_of_a_known_rotation(self):
        for yaw, pitch, roll in ((30, 0, 0), (0, 20, 0), (0, 0, -15), (-40, 10, 5)):
            camera = np.concatenate([5e-4 * rotation_matrix(yaw, pitch, roll), np.zeros((3, 1))], 1)
            params = np.concatenate([camera.ravel(), np.zeros(50)])[None]
            self.assertLess(metrics.angle_between(params, params)[0], 1e-4)
            turned = np.concatenate([np.concatenate([5e-4 * rotation_matrix(yaw + 7, pitch, roll), np.zeros((3, 1))], 1).ravel(), np.zeros(50)])[None]
            self.assertAlmostEqual(metrics.angle_between(params, turned)[0], 7, places=4)
        # R[2, 0] of a turn by yaw about y is -sin(yaw): the original's yaw is negative for it.
        self.assertAlmostEqual(metrics.pose_degrees(params=np.concatenate([np.concatenate(
            [rotation_matrix(30, 0, 0), np.zeros((3, 1))], 1).ravel(), np.zeros(50)])[None])[0, 0], -30, places=6)

    def test_nme_is_relative_to_the_box(self):
        truth = np.zeros((1, 68, 2))
        truth[0, 0], truth[0, 1] = [100, 0], [0, 25]
        self.assertAlmostEqual(metrics.nme_percent(truth + [3, 4], truth)[0], 100 * 5 / 50)


class ShortVideo(unittest.TestCase):
    def setUp(self):
        self.rng = np.random.default_rng(5)
        self.model = toy_model(6)
        self.params = toy_params(self.rng)[0].numpy().astype(np.float64)

    def points(self, params):
        with torch.no_grad():
            return self.model(torch.tensor(params[None], dtype=torch.float32))[0].numpy()

    def test_turning_moves_the_face_by_that_angle_and_keeps_its_scale(self):
        turned = short_video.turned_params(self.params, 5, 0)
        self.assertAlmostEqual(metrics.angle_between(self.params[None], turned[None])[0], 5, places=3)
        scale = lambda p: np.linalg.norm(p[:3])
        self.assertAlmostEqual(scale(turned) / scale(self.params), 1, delta=0.2)
        self.assertAlmostEqual(np.linalg.det(turned[:12].reshape(3, 4)[:, :3]) / np.linalg.det(self.params[:12].reshape(3, 4)[:, :3]), 1, places=6)

    def test_params_follow_a_similarity_of_the_crop(self):
        matrix = short_video.similarity(self.rng, 3.0)
        moved = short_video.transform_params(self.params, matrix)
        picture = lambda p: np.stack([p[:, 0] - 0.5, crops.CROP_SIZE + 0.5 - p[:, 1]], 1)
        before, after = picture(self.points(self.params)), picture(self.points(moved))
        self.assertLess(np.abs(before @ matrix[:, :2].T + matrix[:, 2] - after).max(), 1e-3)

    def test_the_picture_goes_where_the_vertices_go(self):
        image = np.zeros((120, 120, 3), np.uint8)
        points = np.stack([self.rng.uniform(35, 85, 40), self.rng.uniform(35, 85, 40)], 1)
        field = short_video.displacement_field(points, points + [3, 0])
        self.assertLess(abs(field[60, 60, 0] + 3), 0.5)  # look back 3 px to the left
        self.assertLess(np.abs(field[:4, :4]).max(), 0.5)  # the far corner stays
        image[50:70, 50:70] = 255
        images, params = short_video.synthesize_clip(self.rng, image, self.params, self.points, frames=4)
        self.assertEqual(images.shape, (4, 120, 120, 3))
        self.assertEqual(params.shape, (4, 62))
        self.assertTrue((images[0] == image).all())
        self.assertTrue(np.allclose(params[0], self.params, atol=1e-4))
        self.assertGreater(np.abs(params[3] - params[0]).max(), 0)


class Networks(unittest.TestCase):
    def test_mobilenet_has_the_original_size_and_names(self):
        network = MobileNetV1(0.5)
        self.assertEqual(sum(p.numel() for name, p in network.named_parameters() if not name.startswith("fc_lm")), 850398)
        network.eval()
        with torch.no_grad():
            params, landmarks = network(to_input(np.zeros((2, 120, 120, 3), np.uint8)))
        self.assertEqual((tuple(params.shape), tuple(landmarks.shape)), ((2, 62), (2, 136)))
        self.assertIn("dw5_6.conv_sep.weight", network.state_dict())

    def test_faceboxes_has_the_original_size_and_outputs(self):
        network = faceboxes.FaceBoxes().eval()
        self.assertEqual(sum(p.numel() for p in network.parameters()), 1007330)
        with torch.no_grad():
            loc, conf = network(torch.zeros(1, 3, 480, 640))
        self.assertEqual((tuple(loc.shape), tuple(conf.shape)), ((1, 6400, 4), (1, 6400, 2)))
        self.assertEqual(len(faceboxes.prior_boxes(480, 640)), 6400)
        self.assertEqual(len(faceboxes.prior_boxes(607, 1080)), 13781)

    def test_decoding_undoes_encoding(self):
        rng = np.random.default_rng(0)
        priors = torch.tensor(faceboxes.prior_boxes(128, 160))
        boxes = torch.tensor(rng.uniform(0, 0.5, (len(priors), 2)), dtype=torch.float32)
        boxes = torch.cat([boxes, boxes + torch.tensor(rng.uniform(0.1, 0.4, (len(priors), 2)), dtype=torch.float32)], 1)
        self.assertLess(float((faceboxes.decode(faceboxes.encode(boxes, priors), priors) - boxes).abs().max()), 1e-5)

    def test_matching_gives_each_face_a_prior_and_leaves_doubt_alone(self):
        priors = torch.tensor(faceboxes.prior_boxes(320, 320))
        boxes = torch.zeros(1, 3, 5)
        boxes[0, 0] = torch.tensor([100, 100, 164, 170, 1])
        boxes[0, 1] = torch.tensor([200, 200, 217, 219, 1])
        boxes[0, 2] = torch.tensor([20, 20, 60, 70, -1])
        classes, matched, _ = faceboxes.match_priors(boxes, priors, 320)
        self.assertGreaterEqual(int((classes == 1).sum()), 2)
        found = matched[classes == 1] * 320
        for face in boxes[0, :2, :4]:
            self.assertTrue(bool(((found - face).abs().max(1)[0] < 1e-3).any()))
        overlap = faceboxes.box_overlap(boxes[0, 2:3, :4] / 320, torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], 1))[0]
        self.assertTrue(bool((classes[0][overlap > 0.35] != 0).all()))

    def test_a_face_smaller_than_any_prior_has_more_than_one_and_no_negatives_around_it(self):
        priors = torch.tensor(faceboxes.prior_boxes(320, 320))
        boxes = torch.zeros(1, 1, 5)
        boxes[0, 0] = torch.tensor([200.0, 200, 219, 219, 1])
        classes, _, which = faceboxes.match_priors(boxes, priors, 320)
        self.assertGreater(int((classes == 1).sum()), 1)
        self.assertTrue(bool((which[classes == 1] == 0).all()))
        overlap = faceboxes.box_overlap(boxes[0, :, :4] / 320, torch.cat([priors[:, :2] - priors[:, 2:] / 2, priors[:, :2] + priors[:, 2:] / 2], 1))[0]
        self.assertLess(float(overlap.max()), 0.36)
        self.assertTrue(bool((classes[0][overlap > 0.9 * float(overlap.max())] == 1).all()))
        self.assertTrue(bool((classes[0][overlap > 0.8 * float(overlap.max())] != 0).all()))

    def test_a_face_of_many_priors_does_not_drown_one_of_few(self):
        which = torch.tensor([[0, 0, 0, 0, 1, 2], [1, 0, 0, 0, 0, 0]])
        positive = torch.tensor([[True, True, True, True, True, False], [True, False, False, False, False, False]])
        weights = train_detector.face_weights(which, positive, 3)
        self.assertAlmostEqual(float(weights.mean()), 1, places=6)
        self.assertAlmostEqual(float(weights[:4].sum() / weights[4]), 2, places=5)
        self.assertAlmostEqual(float(weights[5]), float(weights[4]), places=6)

    def test_a_widened_network_computes_the_same_and_its_channels_learn_apart(self):
        torch.manual_seed(3)
        narrow = MobileNetV1(0.25)
        with torch.no_grad():
            for module in narrow.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    module.weight.uniform_(0.5, 2)
                    module.bias.uniform_(-0.5, 0.5)
        images = torch.randn(4, 3, 120, 120)
        narrow(images)  # moves the running statistics
        wide = MobileNetV1(0.5)
        wide.load_state_dict(checkpoints.widened(narrow.state_dict()))
        for training in (False, True):
            expected, found = (network.train(training)(images) for network in (narrow, wide))
            for a, b in zip(expected, found):
                self.assertTrue(torch.allclose(a, b, atol=1e-4), float((a - b).abs().max()))
        wide.train()(images)[0].square().mean().backward()
        half = wide.dw4_1.conv_dw.weight.grad
        self.assertGreater(float((half[:64] - half[64:]).abs().max()), 1e-3 * float(half.abs().max()))


def write_shard(folder, canvas=64, count=12, faceless=3):
    """A shard as the renderer writes it, with half-darkened discs instead of heads."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:canvas, :canvas] + 0.5
    images = np.zeros((count, canvas, canvas, 4), np.uint8)
    labels = {field: [] for field in FIELDS}
    for i in range(count):
        disc = np.hypot(x - canvas / 2, y - canvas / 2) < canvas * 0.25
        images[i][disc] = [200, 150, 120, 255]
        images[i][disc & (x > canvas / 2)] = [100, 75, 60, 255]
        yaw = 170.0 if i < faceless else float(rng.uniform(-40, 40))
        rotation = rotation_matrix(yaw, 0, 0)
        labels["shape"].append(np.zeros(40))
        labels["expression"].append(np.zeros(10))
        labels["camera"].append(np.concatenate([0.3 * rotation[:2] * [[1], [-1]], [[canvas / 2], [canvas / 2]]], 1))
        labels["rotation"].append(rotation)
        angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
        labels["landmarks"].append(canvas / 2 + canvas * 0.25 * np.stack([np.cos(angle), np.sin(angle)], 1))
        labels["box"].append(np.array([0.25, 0.25, 0.75, 0.75]) * canvas)
        labels["pose"].append([yaw, 0, 0])
    picture_file, label_file = shard_files(Path(folder), 0)
    np.save(picture_file, images)
    np.savez(label_file, **{field: np.array(values, np.float32) for field, values in labels.items()})


class Sampling(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        write_shard(self.folder.name)
        self.backgrounds = [np.random.default_rng(1).integers(0, 60, (200, 300, 3)).astype(np.uint8)]

    def tearDown(self):
        self.folder.cleanup()

    def test_crops_show_the_head_where_the_labels_say(self):
        sampler = CropSampler(self.folder.name, np.ones(40), augmented=False, pictures=self.backgrounds, refine=False)
        images, params, landmarks = sampler.batch(np.random.default_rng(2), 24)
        self.assertEqual((images.shape, params.shape, landmarks.shape), ((24, 120, 120, 3), (24, 62), (24, 68, 2)))
        for image, points, p in zip(images, landmarks, params):
            centre = points.mean(0)
            column, row = int(centre[0] - 0.5), int(120.5 - centre[1])
            if 8 < column < 112 and 8 < row < 112 and image[row].any() and image[:, column].any():
                self.assertGreater(image[row - 2:row + 3, column - 2:column + 3].mean(), 60)  # on the disc, not the dark background
            self.assertAlmostEqual(p[3], centre[0], delta=0.05)
            self.assertAlmostEqual(p[7], centre[1], delta=0.05)

    def test_toning_a_cutout_keeps_its_cover_and_its_premultiplied_colours(self):
        rng = np.random.default_rng(7)
        cover = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (64, 1))
        cutout = np.dstack([(cover * share).astype(np.uint8) for share in (0.2, 0.5, 0.8)] + [cover])
        toned = augment.tone_cutout(rng, cutout)
        self.assertTrue((toned[..., 3] == cover).all())
        self.assertTrue((toned[..., :3] <= toned[..., 3:]).all())
        straight = toned[:, 32:, :3] / (toned[:, 32:, 3:] / 255.0)
        self.assertLess(straight.std((0, 1)).max(), 4)  # one colour before, one colour after

    def test_the_same_seed_gives_the_same_crops(self):
        batch = lambda: CropSampler(self.folder.name, np.ones(40), pictures=self.backgrounds, refine=False).batch(np.random.default_rng(3), 8)
        for first, second in zip(batch(), batch()):
            self.assertTrue((first == second).all())

    def test_clips_hold_neighbours(self):
        sampler = CropSampler(self.folder.name, np.ones(40), pictures=self.backgrounds, refine=False)
        images, params, landmarks = sampler.clips(np.random.default_rng(5), 12, 4, toy_model())
        self.assertEqual((images.shape, params.shape, landmarks.shape), ((12, 120, 120, 3), (12, 62), (12, 68, 2)))
        within = np.abs(params[1] - params[0])[[3, 7]].max()
        self.assertGreater(np.abs(params[4] - params[0])[[3, 7]].max(), 0)
        self.assertLess(within, 15)

    def test_own_crops_are_read_and_checked(self):
        folder = Path(self.folder.name) / "own"
        folder.mkdir()
        model = toy_model()
        params = toy_params(np.random.default_rng(6), 3).numpy()
        for i in range(3):
            cv2.imwrite(str(folder / f"{i}.png"), np.full((120, 120, 3), 40 * i, np.uint8))
        (folder / "list.txt").write_text("0.png\n1.png\n2.png\n")
        np.save(folder / "params.npy", params)
        sampler = FolderSampler(folder, augmented=False).with_landmarks(model)
        images, got, landmarks = sampler.batch(np.random.default_rng(0), 8)
        for image, p, points in zip(images, got, landmarks):
            row = int(np.nonzero((params == p).all(1))[0][0])
            self.assertEqual(int(image[0, 0, 0]), 40 * row)
            self.assertTrue(np.allclose(points, model.vertices_of(params[row])[:68, :2]))
        np.save(folder / "params.npy", params[:2])
        with self.assertRaisesRegex(ValueError, "params.npy"):
            FolderSampler(folder)
        cv2.imwrite(str(folder / "1.png"), np.zeros((100, 120, 3), np.uint8))
        with self.assertRaisesRegex(ValueError, "120 x 120"):
            sampler.batch(np.random.default_rng(0), 20)

    def test_scenes_have_sound_boxes(self):
        objects = [np.full((40, 60, 4), 255, np.uint8)]
        sampler = SceneSampler(self.folder.name, pictures=self.backgrounds, objects=objects)
        self.assertEqual((len(sampler.with_face), len(sampler.without_face)), (9, 3))
        images, boxes = sampler.batch(np.random.default_rng(4), 60)
        self.assertEqual(images.shape, (60, 320, 320, 3))
        used = boxes[boxes[..., 4] != 0]
        self.assertGreater(len(used), 40)
        self.assertTrue((used[:, 2:4] > used[:, :2]).all())
        self.assertEqual(set(np.unique(boxes[..., 4])) - {-1.0, 0.0, 1.0}, set())
        empty = (boxes[..., 4] == 0).all(1).mean()
        self.assertTrue(0.05 < empty < 0.35)

    def test_calibration_pictures_are_portraits_then_scenes_and_the_same_again(self):
        sampler = SceneSampler(self.folder.name, pictures=self.backgrounds, objects=[], degraded=False)
        pictures = list(calibration_pictures(sampler, 4, 2))
        self.assertEqual({picture.shape for picture in pictures}, {(320, 320, 3)})
        self.assertEqual(len({picture.tobytes() for picture in pictures}), 6)
        again = calibration_pictures(SceneSampler(self.folder.name, pictures=self.backgrounds, objects=[], degraded=False), 4, 2)
        self.assertTrue(all((a == b).all() for a, b in zip(pictures, again)))

    def test_hands_bodies_and_folds_are_laid_in(self):
        sampler = SceneSampler(self.folder.name, pictures=self.backgrounds, objects=[])
        for seed in range(8):
            rng, canvas = np.random.default_rng(seed), np.zeros((320, 320, 3), np.uint8)
            sampler.hand(rng, canvas, 120, 160, 160)
            rows, columns = canvas.any(2).nonzero()
            self.assertGreater(len(rows), 1500)
            self.assertTrue(abs(rows.mean() - 160) < 110 and abs(columns.mean() - 160) < 110)
            body = faceless_things.draw_body(rng, (120, 150, 200), 60)
            self.assertEqual(body.shape, (250, 250, 4))
            self.assertTrue((body[..., :3].astype(int) <= body[..., 3:].astype(int) + 1).all())  # premultiplied
            self.assertTrue(0.03 < (body[..., 3] > 128).mean() < 0.3)
            folds = faceless_things.draw_folds(rng, 50, 130)
            self.assertEqual(folds.shape, (50, 130, 3))
            self.assertTrue((folds >= 0).all() and (folds <= 255).all() and folds.std() > 0)

    def test_the_hold_out_does_not_change_with_what_training_meets(self):
        held_out = SceneSampler(self.folder.name, held_out=True, pictures=self.backgrounds, objects=[])
        for name in ("hand", "folds", "body"):
            setattr(held_out, name, lambda *_: self.fail("not in the hold-out"))
        held_out.batch(np.random.default_rng(4), 40)

    def test_heads_turned_away_are_no_faces_and_half_turned_ones_do_not_count(self):
        sampler = SceneSampler(self.folder.name, pictures=self.backgrounds, objects=[], degraded=False)
        labels = {}
        for yaw in (0, 110, 160):
            sampler.yaws = np.full(len(sampler.heads), float(yaw))
            boxes = sampler.batch(np.random.default_rng(4), 12)[1]
            labels[yaw] = set(boxes[boxes[..., 4] != 0][:, 4].tolist())
        self.assertIn(1, labels[0])
        self.assertEqual((labels[110], labels[160]), ({-1}, set()))

    def test_portraits_show_one_face_where_the_box_says(self):
        sampler = SceneSampler(self.folder.name, pictures=self.backgrounds, objects=[])
        sampler.clutter = lambda *_: None
        for seed in range(8):
            rng = np.random.default_rng(seed)
            image, box = sampler.portrait(rng, sampler.with_face[seed % 9], 90.0)
            self.assertTrue((box[:2] > -3).all() and (box[2:] < 323).all())
            x, y = ((box[:2] + box[2:]) / 2).astype(int)
            before = image.copy()
            covered = sampler.cover(rng, image, box, 0.5)
            self.assertTrue((image == before).all())
            changed = (covered != image).any(2).nonzero()
            self.assertGreater(len(changed[0]), 50)
            # At most half a square beyond the box.
            self.assertTrue((np.abs(changed[1] - x) <= 70).all() and (np.abs(changed[0] - y) <= 70).all())

    def test_replayed_crops_keep_their_labels(self):
        model, rng = toy_model(), np.random.default_rng(3)
        params = toy_params(rng)[0].numpy().astype(np.float64)
        points = model.vertices_of(params)[:68, :2].astype(np.float64)
        wide = np.zeros((144, 144, 3), np.uint8)
        column, row = points[30, 0] - 1 + head_crops.MARGIN, 120 - points[30, 1] + head_crops.MARGIN  # 0-based
        cv2.circle(wide, (int(round(column)), int(round(row))), 4, (255, 255, 255), -1)
        for _ in range(10):
            image, moved, landmarks = head_crops.replay_crop(rng, wide, params, points)
            self.assertLess(np.abs(model.vertices_of(moved)[:68, :2] - landmarks).max(), 0.02)
            rows, columns = np.nonzero(image[..., 0] > 128)
            self.assertLess(np.hypot(columns.mean() + 1 - landmarks[30, 0], 120 - rows.mean() - landmarks[30, 1]), 1.0)

    def test_unrest_is_the_change_of_the_error(self):
        class Still(torch.nn.Module):
            def forward(self, x):
                return torch.zeros(len(x), 62), None

        frames, model = compare_options.FRAMES, toy_model()
        mean, std = toy_params(np.random.default_rng(1))[0], torch.ones(62)
        points = model.vertices_of(mean.numpy())[:68, :2]
        landmarks = np.stack([points + [3 * (i % 2), 4 * (i % 2)] for i in range(frames)]).astype(np.float32)
        clips = np.zeros((frames, 120, 120, 3), np.uint8), None, landmarks
        self.assertAlmostEqual(compare_options.clip_unrest(Still(), mean, std, clips, model, 120), 5.0, places=3)

    def test_what_was_taken_for_a_face_comes_into_pictures_without_one(self):
        sampler = SceneSampler(self.folder.name, pictures=self.backgrounds, objects=[])
        images, boxes = zip(*(sampler.scene(np.random.default_rng(i), faces=False) for i in range(12)))
        self.assertFalse(np.stack(boxes).any())
        image = np.zeros((320, 320, 3), np.uint8)
        image[100:140, 200:240] = [0, 255, 0]
        pieces = mine.false_pieces(image, np.array([[200, 100, 240, 140, 0.9], [300, 300, 330, 330, 0.5], [0, 0, 4, 4, 0.4]], float))
        self.assertEqual([piece.shape for piece in pieces], [(68, 68, 3), (31, 31, 3)])  # 1.7 sides, clipped; the third is too small
        self.assertGreater(pieces[0][34, 34, 1], 250)
        sampler.mined = [np.full((60, 60, 3), (0, 255, 0), np.uint8)]
        canvas = np.zeros((320, 320, 3), np.uint8)
        for _ in range(4):
            sampler.mistake(np.random.default_rng(2), canvas)
        self.assertTrue(((canvas[..., 1] > 60) & (canvas[..., 0] < 40) & (canvas[..., 2] < 40)).any())
        self.assertEqual(mine.load_pieces(Path(self.folder.name) / "none.npz"), [])

    def test_replayed_scenes_keep_boxes_on_their_faces(self):
        size = 320
        image = np.zeros((1, size, size, 3), np.uint8)
        image[0, 100:180, 120:190] = 200
        boxes = np.zeros((1, 16, 5), np.float32)
        boxes[0, 0] = [120, 100, 190, 180, 1]
        for seed in range(6):
            images, moved = train_detector.replay(np.random.default_rng(seed), [(image, boxes)], 1)
            x0, y0, x1, y1 = moved[0, 0, :4].astype(int)
            self.assertGreater(images[0, y0 + 2:y1 - 2, x0 + 2:x1 - 2].min(), 60)
            self.assertTrue((moved[0, 1:] == 0).all())


class DetectorAccuracy(unittest.TestCase):
    def test_average_precision_by_hand(self):
        truth = np.array([[0, 0, 10, 10, 1], [100, 0, 110, 10, 1], [200, 0, 210, 10, 1], [300, 0, 310, 10, -1]], float)
        found = np.array([[0, 0, 10, 10, 0.9], [50, 0, 60, 10, 0.8], [100, 0, 110, 10, 0.7], [300, 0, 310, 10, 0.95]])
        result = train_detector.average_precision([found], [truth])
        self.assertAlmostEqual(result["ap"], 1 / 3 + (1 / 3) * (2 / 3))
        self.assertAlmostEqual(result["recall"], 2 / 3)
        self.assertEqual(result["false_per_picture"], 1)
        self.assertAlmostEqual(result["mean_iou"], 1, places=6)

    def test_small_faces_can_be_left_out(self):
        truth = np.array([[0, 0, 10, 10, 1], [100, 0, 140, 40, 1], [200, 0, 210, 10, -1], [0, 0, 0, 0, 0]], float)
        self.assertEqual(train_detector.of_size([truth], 32)[0][:, 4].tolist(), [-1, 1, -1, 0])
        self.assertEqual(truth[0, 4], 1)
        found = np.array([[100, 0, 140, 40, 0.9], [0, 0, 10, 10, 0.8]], float)
        result = train_detector.average_precision([found], train_detector.of_size([truth], 32))
        self.assertEqual((result["ap"], result["recall"], result["false_per_picture"]), (1.0, 1.0, 0.0))

    def test_enlarged_pictures_keep_boxes_on_their_faces(self):
        images, boxes = np.zeros((2, 320, 320, 3), np.uint8), np.zeros((2, 16, 5), np.float32)
        images[1, 100:180, 120:190] = 200
        boxes[1, 0] = [120, 100, 190, 180, -1]
        larger, moved = train_detector.enlarged(images, boxes, 1.75)
        self.assertEqual(larger.shape, (2, 560, 560, 3))
        self.assertEqual(moved[1, 0].tolist(), [210, 175, 332.5, 315, -1])
        self.assertGreater(larger[1, 177:313, 212:330].min(), 190)
        self.assertEqual(boxes[1, 0].tolist(), [120, 100, 190, 180, -1])

    def test_boxes_of_an_enlarged_picture_are_those_of_the_larger_one(self):
        torch.manual_seed(0)
        network = faceboxes.FaceBoxes().eval()
        image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8)
        larger = cv2.resize(image, (224, 168), interpolation=cv2.INTER_LINEAR)
        expected = faceboxes.detect(network, larger)
        self.assertGreater(len(expected), 0)
        found = faceboxes.detect(network, image, enlargement=1.75)
        self.assertTrue(np.allclose(found, expected / [1.75, 1.75, 1.75, 1.75, 1]))

    def test_calibration_moves_the_log_odds_and_nothing_else(self):
        torch.manual_seed(0)
        network = faceboxes.FaceBoxes().eval()
        x = torch.randn(1, 3, 128, 128) * 40
        with torch.no_grad():
            loc, conf = network(x)
            network.load_state_dict(calibrate.shift_scores(network.state_dict(), 1.5))
            moved_loc, moved_conf = network(x)
        self.assertTrue(torch.equal(loc, moved_loc))
        odds = lambda c: c[..., 1] - c[..., 0]
        self.assertTrue(torch.allclose(odds(moved_conf), odds(conf) + 1.5, atol=1e-4))

    def test_the_best_shift_has_few_false_boxes(self):
        figures = lambda f1, of_the_most: {"f1": f1, "false_per_picture": of_the_most * calibrate.MOST_FALSE_PER_PICTURE}
        self.assertEqual(calibrate.best_shift({-1.0: figures(0.6, 0.5), 0.0: figures(0.7, 1), 1.0: figures(0.8, 1.1)}), 0.0)
        self.assertEqual(calibrate.best_shift({-1.0: figures(0.2, 2), 0.0: figures(0.7, 3)}), -1.0)

    def test_loss_is_least_for_the_right_answer(self):
        priors = torch.from_numpy(faceboxes.prior_boxes(320, 320))
        boxes = torch.zeros(1, 16, 5)
        boxes[0, 0] = torch.tensor([100.0, 90, 170, 180, 1])
        classes, matched, _ = faceboxes.match_priors(boxes, priors, 320)
        right = faceboxes.encode(matched, priors)
        sure = torch.zeros(1, len(priors), 2)
        sure[..., 1] = torch.where(classes == 1, 30.0, -30.0)
        best, _ = train_detector.detector_loss(right, sure, boxes, priors, 320)
        self.assertLess(float(best), 1e-3)
        for loc, conf in ((right + 1, sure), (right, -sure)):
            self.assertGreater(float(train_detector.detector_loss(loc, conf, boxes, priors, 320)[0]), 0.5)


class Renderer(unittest.TestCase):
    def test_the_nearer_triangle_wins_and_back_faces_are_culled(self):
        position = np.array([[1, 1, 0], [1, 15, 0], [15, 1, 0], [1, 1, 5], [1, 15, 5], [15, 1, 5]], np.float32)
        front = np.array([[0, 1, 2], [3, 4, 5]], np.int32)  # counter-clockwise with y up
        ids, bary, depth = native.rasterize(position, front, np.zeros(2, np.uint8), 16, 16)
        self.assertEqual(set(np.unique(ids)), {-1, 1})
        self.assertEqual(depth[3, 3], 5)
        self.assertTrue(np.allclose(bary[3, 3].sum() + (1 - bary[3, 3].sum()), 1))
        back = front[:, ::-1].copy()
        ids, _, _ = native.rasterize(position, back, np.zeros(2, np.uint8), 16, 16)
        self.assertTrue((ids == -1).all())
        ids, _, _ = native.rasterize(position, back, np.ones(2, np.uint8), 16, 16)
        self.assertTrue((ids == 1).any())

    def test_normals_point_at_the_viewer(self):
        position = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
        self.assertTrue(np.allclose(native.vertex_normals(position, np.array([[0, 1, 2]], np.int32)), [0, 0, 1]))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    unittest.main()
