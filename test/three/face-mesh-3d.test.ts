/** The mesh for three.js, against what `reconstruct` gives: no graphics card is needed for that. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import validator from 'gltf-validator';
import { Matrix4, type Mesh, MeshBasicMaterial, Raycaster, Vector2, Vector3 } from 'three';
import { GLTFExporter } from 'three/examples/jsm/exporters/GLTFExporter.js';
import { upstreamPack } from '../../development/upstream-pack.ts';
import { WeightFormatError } from '../../src/errors.ts';
import { createFaceAligner, type FaceAligner } from '../../src/face-aligner.ts';
import { expressionNames } from '../../src/geometry/expression-names.ts';
import { transferExpression, withExpression } from '../../src/geometry/face-tools.ts';
import { withClosedMouth } from '../../src/geometry/mesh.ts';
import { poseFromParams, poseMatrix } from '../../src/geometry/pose.ts';
import { splitAtSeams } from '../../src/geometry/split-at-seams.ts';
import { fileWeights, readImage } from '../../src/node.ts';
import { FaceMesh3D, type FaceMesh3DOptions } from '../../src/three/face-mesh-3d.ts';
import { frontalTexture } from '../../src/three/frontal-texture.ts';
import { HeadOccluder, OccluderMaterial } from '../../src/three/occluder.ts';
import { PhotoCamera } from '../../src/three/photo-camera.ts';
import type { AlignedFace, FaceMaps, RgbaImage } from '../../src/types.ts';
import { describeWithShared, repositoryRoot } from '../support/shared.ts';

/** Px, in pictures of 512; 1.3e-4 measured with both packs. */
const MAX_PX = 4e-4;
/** Px, of morph targets where lids and eyeballs move, which is not linear in their weights; 0.33 measured. */
const MAX_EYE_PX = 0.4;

interface Subject {
  readonly aligner: FaceAligner;
  readonly maps: FaceMaps;
  readonly photo: RgbaImage;
  readonly face: AlignedFace;
  /** The same face, turned, on a crop that is not square. */
  readonly turned: AlignedFace;
}

async function subjectOf(pack: string): Promise<Subject> {
  const aligner = await createFaceAligner({ weights: fileWeights(pack) });
  const photo = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  const [face] = await aligner.align(photo, await aligner.detect(photo));
  const params = face.params.slice();
  const turn = new Matrix4().makeRotationY(0.5).multiply(new Matrix4().makeRotationZ(0.2));
  const camera = new Matrix4().set(...([...params.slice(0, 12), 0, 0, 0, 1] as Parameters<Matrix4['set']>));
  const { elements } = turn.multiply(camera);
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < 3; column++) params[4 * row + column] = elements[4 * column + row];
  const turned = { roiBox: { xMin: 220, yMin: 40, xMax: 340, yMax: 170 }, params };
  const { faceMaps } = aligner;
  if (faceMaps === undefined) throw new Error('the pack has no maps');
  return { aligner, maps: faceMaps, photo, face, turned };
}

/** Which vertex of the model each one of a mesh is. */
function vertexOf({ maps, aligner }: Subject, { mouth = 'closed' }: FaceMesh3DOptions = {}): Uint32Array {
  const { triangles, uvTriangles } = mouth === 'closed' ? withClosedMouth(maps) : maps;
  const vertexCount = aligner.morphableModel?.vertexCount ?? 0;
  return splitAtSeams({ vertexCount, triangles, ...(uvTriangles && { uvTriangles }) }).vertexOf;
}

/** Largest distance of a mesh's vertices, as the camera shows them, from the face's on the photo; z but for a constant. */
function largestDistance(
  subject: Subject,
  mesh: Mesh,
  face: AlignedFace,
  options: FaceMesh3DOptions = {},
  isMeant: (vertex: number) => boolean = () => true,
): number {
  const { width, height } = subject.photo;
  const camera = new PhotoCamera(width, height);
  const dense = subject.aligner.reconstruct(face, { dense: true });
  const point = new Vector3();
  mesh.updateMatrixWorld(true);
  let most = 0;
  let zero: number | undefined;
  for (const [i, vertex] of vertexOf(subject, options).entries()) {
    if (!isMeant(vertex)) continue;
    mesh.getVertexPosition(i, point).applyMatrix4(mesh.matrixWorld);
    zero ??= point.z - dense[3 * vertex + 2];
    const depth = point.z - zero;
    point.project(camera);
    const x = ((point.x + 1) / 2) * width - 0.5;
    const y = ((1 - point.y) / 2) * height - 0.5;
    most = Math.max(most, Math.hypot(x - dense[3 * vertex], y - dense[3 * vertex + 1], depth - dense[3 * vertex + 2]));
  }
  return most;
}

/** Whether a blink or a look moves a vertex of a model that acts: targets of these are near the face, not on it. */
function eyeMovement({ aligner }: Subject): (vertex: number) => boolean {
  const model = aligner.morphableModel;
  if (model?.acting === undefined) return () => false;
  const { expressionBasis, expressionCount, acting } = model;
  const columns = expressionNames(model).flatMap((name, column) => (/^eye(Blink|Look)/.test(name) ? [column] : []));
  const balls = new Set(acting.eyeVertices.flatMap((vertices) => [...vertices]));
  return (vertex) =>
    balls.has(vertex) ||
    [0, 1, 2].some((axis) => columns.some((k) => expressionBasis[(3 * vertex + axis) * expressionCount + k] !== 0));
}

/** How many times three was given new contents. */
function versionOf(attribute: object): number {
  return 'version' in attribute ? Number(attribute.version) : Number.NaN;
}

/** What exporters of three need of a browser. */
class NodeFileReader {
  result = '';
  onloadend = (): void => {};
  async readAsDataURL(blob: Blob): Promise<void> {
    this.result = `data:application/octet-stream;base64,${Buffer.from(await blob.arrayBuffer()).toString('base64')}`;
    this.onloadend();
  }
}

function suite(packOf: () => string | Promise<string>): void {
  let subject: Subject;
  beforeAll(async () => {
    subject = await subjectOf(await packOf());
  });
  afterAll(() => subject.aligner.dispose());

  test.each([['closed'], ['open']] as const)(
    'it lies where reconstruct has it, whatever the pose and the crop, mouth %s',
    (mouth) => {
      const mesh = new FaceMesh3D(subject.aligner, { mouth });
      expect(mesh.visible).toBe(false);
      for (const face of [subject.face, subject.turned]) {
        mesh.update(face);
        expect(largestDistance(subject, mesh, face, { mouth })).toBeLessThan(MAX_PX);
      }
      expect(mesh.visible).toBe(true);
      expect(mesh.update(undefined).visible).toBe(false);
    },
  );

  test('landmarks are where reconstruct has them, for what is put on the head', () => {
    const mesh = new FaceMesh3D(subject.aligner);
    for (const face of [subject.face, subject.turned]) {
      mesh.update(face).updateMatrixWorld();
      const landmarks = subject.aligner.reconstruct(face);
      for (let i = 0; i < 68; i++) {
        const { x, y } = mesh.landmark(i).applyMatrix4(mesh.matrixWorld);
        expect(Math.hypot(x - landmarks[3 * i], -y - landmarks[3 * i + 1])).toBeLessThan(MAX_PX);
      }
    }
    expect(() => mesh.landmark(68)).toThrow(/^index: expected a landmark 0..67, got 68$/);
  });

  test('its frame is the head: metres, a distance of 63 mm between the pupils, and the zero of z is that of poseMatrix', () => {
    const mesh = new FaceMesh3D(subject.aligner);
    const eyes = [36, 45].map((i) => mesh.landmark(i));
    // The outer corners of the mean face's eyes, which lie a third farther apart than pupils.
    expect(eyes[0].distanceTo(eyes[1])).toBeGreaterThan(0.08);
    expect(eyes[0].distanceTo(eyes[1])).toBeLessThan(0.1);
    expect(eyes[1].x).toBeGreaterThan(eyes[0].x);
    expect(mesh.landmark(27).y).toBeGreaterThan(mesh.landmark(8).y);
    mesh.update(subject.turned);
    const rigid = new Matrix4().fromArray(poseMatrix(poseFromParams(subject.turned.params), subject.turned.roiBox));
    const origins = [mesh.matrix, rigid].map((matrix) => new Vector3().setFromMatrixPosition(matrix));
    expect(origins[0].distanceTo(origins[1])).toBeLessThan(MAX_PX);
    const half = new FaceMesh3D(subject.aligner, { interocularMm: 31.5 });
    expect(half.landmark(45).length() * 2).toBeCloseTo(new FaceMesh3D(subject.aligner).landmark(45).length(), 6);
  });

  test('a new face is written into the same arrays, and normals point out of it', () => {
    const mesh = new FaceMesh3D(subject.aligner);
    const { position, normal } = mesh.geometry.attributes;
    const arrays = [position.array, normal.array];
    const [positions] = arrays.map((array) => Array.from(array));
    const versions = [position, normal].map(versionOf);
    const { geometry, matrix } = mesh;
    mesh.update(subject.face);
    expect([mesh.geometry.attributes.position.array, mesh.geometry.attributes.normal.array]).toEqual(arrays);
    expect(mesh.geometry.attributes.position.array).toBe(arrays[0]);
    expect(mesh.geometry).toBe(geometry);
    expect(mesh.matrix).toBe(matrix);
    expect([position, normal].map(versionOf)).toEqual(versions.map((version) => version + 1));
    expect(Array.from(position.array)).not.toEqual(positions);
    // A ray from the viewer meets the face from outside, on the nose.
    mesh.updateMatrixWorld();
    const { width, height } = subject.photo;
    const nose = subject.aligner.reconstruct(subject.face).subarray(90, 93);
    const pointer = new Vector2(((nose[0] + 0.5) / width) * 2 - 1, 1 - ((nose[1] + 0.5) / height) * 2);
    const raycaster = new Raycaster();
    raycaster.setFromCamera(pointer, new PhotoCamera(width, height));
    const [hit] = raycaster.intersectObject(mesh);
    expect(hit.normal?.z).toBeGreaterThan(0.3);
    expect(hit.point.x).toBeCloseTo(nose[0], 1);
    const near = hit.face?.a ?? 0;
    expect(new Vector3().fromBufferAttribute(normal, near).dot(hit.face?.normal ?? new Vector3())).toBeGreaterThan(0.8);
    expect(new FaceMesh3D(subject.aligner, { normals: false }).geometry.attributes.normal).toBeUndefined();
  });

  test('express gives it the expression of another face and leaves shape and place', () => {
    const count = subject.aligner.morphableModel?.expressionCount ?? 0;
    const { face, aligner } = subject;
    const names = Object.keys(aligner.expressions(face));
    const values = Float32Array.from({ length: count }, (_, i) => face.params[52 + i] * -1.5);
    const model = aligner.morphableModel;
    const actor = withExpression(subject.turned, values, model);
    const mesh = new FaceMesh3D(aligner).update(face).express(actor);
    expect(largestDistance(subject, mesh, transferExpression(face, actor, model))).toBeLessThan(MAX_PX);

    const puppet = new FaceMesh3D(aligner, { morphTargets: true }).update(face);
    const isNearEye = eyeMovement(subject);
    const expectFace = (shown: AlignedFace): void => {
      expect(largestDistance(subject, puppet, shown, {}, (vertex) => !isNearEye(vertex))).toBeLessThan(MAX_PX * 2);
      expect(largestDistance(subject, puppet, shown, {}, isNearEye)).toBeLessThan(MAX_EYE_PX);
    };
    expect(Object.keys(puppet.morphTargetDictionary ?? {})).toEqual(names);
    expectFace(face);
    puppet.express(actor);
    expectFace(transferExpression(face, actor, model));
    const [first] = names;
    expect(puppet.morphTargetInfluences?.[puppet.morphTargetDictionary?.[first] ?? -1]).toBe(values[0]);
    // Another person's shape makes targets anew; what is on the graphics card of the old ones is given up.
    let given = 0;
    puppet.geometry.addEventListener('dispose', () => given++);
    const other = { ...face, params: face.params.map((value, i) => (i >= 12 && i < 52 ? -value : value)) };
    puppet.reshape(other).update(other);
    expect(given).toBe(1);
    expectFace(other);
  });

  test('an exporter of glTF writes it with its named targets', async () => {
    const puppet = new FaceMesh3D(subject.aligner, { morphTargets: true }).update(subject.face);
    puppet.matrix.identity();
    puppet.material = new MeshBasicMaterial();
    Object.assign(globalThis, { FileReader: NodeFileReader });
    const exported = await new GLTFExporter().parseAsync(puppet, { binary: false });
    const bytes = new TextEncoder().encode(JSON.stringify(exported));
    const { issues } = await validator.validateBytes(bytes);
    expect([issues.numErrors, issues.numErrors > 0 && issues.messages]).toEqual([0, false]);
    const { meshes } = exported as { meshes: { extras: { targetNames: string[] } }[] };
    expect(meshes[0].extras.targetNames).toEqual(Object.keys(subject.aligner.expressions(subject.face)));
  });

  test('a skull lies behind the face and beside the ears, without colour', () => {
    const mesh = new FaceMesh3D(subject.aligner);
    const skull = new HeadOccluder(subject.aligner);
    mesh.add(skull);
    mesh.updateMatrixWorld(true);
    expect(skull.material.colorWrite).toBe(false);
    expect(skull.renderOrder).toBeLessThan(0);
    const { position, normal } = mesh.geometry.attributes;
    const inverse = skull.matrixWorld.clone().invert();
    let outside = 0;
    let count = 0;
    for (let i = 0; i < position.count; i++) {
      const place = new Vector3().fromBufferAttribute(position, i);
      // Of the skin alone: the walls of a mouth face inwards.
      const outwards = place.clone().sub(skull.position).dot(new Vector3().fromBufferAttribute(normal, i));
      if (place.z < skull.position.z || outwards < 0.3 * place.distanceTo(skull.position)) continue;
      count++;
      if (place.applyMatrix4(inverse).length() > 1) outside++;
    }
    expect(outside / count).toBeGreaterThan(0.95);
    const width = mesh.landmark(16).x - mesh.landmark(0).x;
    expect((skull.scale.x * 2) / width).toBeGreaterThan(1);
    expect(skull.scale.z).toBeGreaterThan(skull.scale.x);
    expect(new FaceMesh3D(subject.aligner, { material: new OccluderMaterial() }).renderOrder).toBeLessThan(0);
  });

  test('a texture is of the straightest face, bottom row first', () => {
    const { aligner, photo, face, turned } = subject;
    const texture = frontalTexture(aligner, photo, turned, { size: 64 });
    const first = Array.from(texture.image.data ?? []);
    expect(first.filter((value) => value > 0).length).toBeGreaterThan(64 * 64 * 2);
    expect(texture.take(photo, face)).toBe(true);
    expect(texture.turnDegrees).toBeLessThan(15);
    const { version } = texture;
    expect(texture.take(photo, turned)).toBe(false);
    expect(texture.version).toBe(version);
    texture.forget();
    expect(texture.take(photo, turned)).toBe(true);
    expect(Array.from(texture.image.data ?? [])).toEqual(first);
    expect(() => frontalTexture(aligner, photo, face, { size: 0 })).toThrow(/^size: /);
  });

  test('what makes no sense is refused by name, and a wrong face leaves the mesh as it was', () => {
    const { aligner, face } = subject;
    const mesh = new FaceMesh3D(aligner).update(face);
    const before = Array.from(mesh.geometry.attributes.position.array);
    expect(() => mesh.update({ ...face, params: new Float32Array(7) })).toThrow(/^params: expected /);
    expect(() => mesh.express({ params: new Float32Array(7) })).toThrow(/^params: expected /);
    expect(Array.from(mesh.geometry.attributes.position.array)).toEqual(before);
    expect(() => new FaceMesh3D(aligner, { mouth: 'ajar' as 'open' })).toThrow(TypeError);
    expect(() => new FaceMesh3D(aligner, { interocularMm: 0 })).toThrow(RangeError);
    const { reconstruct, packName, morphableModel, faceMaps } = aligner;
    expect(() => new FaceMesh3D({ reconstruct, packName, ...(faceMaps && { faceMaps }) })).toThrow(WeightFormatError);
    const bare = { reconstruct, packName, ...(morphableModel && { morphableModel }) };
    expect(() => new FaceMesh3D(bare)).toThrow(WeightFormatError);
    expect(() => new PhotoCamera(0, 3)).toThrow(/^width: /);
    expect(() => new PhotoCamera(3, Number.NaN)).toThrow(/^height: /);
  });

  test('dispose gives the geometry up, not the material', () => {
    const material = new MeshBasicMaterial();
    const mesh = new FaceMesh3D(subject.aligner, { material });
    const given: string[] = [];
    mesh.geometry.addEventListener('dispose', () => given.push('geometry'));
    material.addEventListener('dispose', () => given.push('material'));
    mesh.dispose();
    expect(given).toEqual(['geometry']);
  });
}

describe('FaceMesh3D of the open pack', () => suite(() => join(repositoryRoot, 'weights', 'open')));

describeWithShared('FaceMesh3D of upstream', () => suite(upstreamPack));
