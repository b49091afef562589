import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createFaceAligner, type FaceAligner, readImage } from '../../src/node.ts';
import {
  canDraw,
  DRAWING_KINDS,
  DRAWINGS,
  type Drawing,
  drawOverlays,
  OVERLAY_KINDS,
} from '../../src/results/drawings.ts';
import { FoundFace } from '../../src/results/found-face.ts';
import type { RgbaImage } from '../../src/types.ts';
import { repositoryRoot } from '../support/shared.ts';

let aligner: FaceAligner;
let image: RgbaImage;
let faces: FoundFace[];

beforeAll(async () => {
  aligner = await createFaceAligner();
  image = await readImage(join(repositoryRoot, 'examples', 'astronaut.png'));
  const boxes = await aligner.detect(image);
  faces = (await aligner.align(image, boxes)).map((face, index) => new FoundFace(aligner, face, boxes[index]));
});

afterAll(() => aligner.dispose());

const bytesOf = ({ data }: RgbaImage): Buffer => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

describe('DRAWINGS', () => {
  test.each(DRAWING_KINDS)('%s draws a face, and without one nothing', (kind) => {
    const drawing: Drawing = DRAWINGS[kind];
    const drawn = drawing.draw(image, faces, aligner, {});
    const without = drawing.draw(image, [], aligner, {});
    expect(drawn).toBeDefined();
    if (drawing.isOverlay) {
      expect([drawn?.width, drawn?.height]).toEqual([image.width, image.height]);
      expect(without && bytesOf(without).equals(bytesOf(image))).toBe(true);
      expect(drawn && bytesOf(drawn).equals(bytesOf(image))).toBe(false);
    } else {
      expect(without).toBeUndefined();
    }
  });

  test.each(DRAWING_KINDS)('%s asks for no more than it says it needs', (kind) => {
    const drawing: Drawing = DRAWINGS[kind];
    const asked = new Set<string>();
    const watched = faces.map(
      (face) =>
        new Proxy(face, {
          get(target, name) {
            asked.add(String(name));
            const value: unknown = Reflect.get(target, name, target);
            return value;
          },
        }),
    );
    drawing.draw(image, watched, aligner, {});
    expect(asked.has('vertices')).toBe(drawing.needs === 'vertices' || drawing.needs === 'surface');
    expect(asked.has('landmarks')).toBe(drawing.needs === 'landmarks');
  });
});

describe('canDraw', () => {
  test('goes by what the pack has', () => {
    const { faceMaps, ...withoutMaps } = aligner;
    const { morphableModel, ...bare } = withoutMaps;
    const possible = (source: typeof bare) => DRAWING_KINDS.filter((kind) => canDraw(kind, source));
    expect(possible(aligner)).toEqual(DRAWING_KINDS);
    expect(possible(withoutMaps)).toEqual(['landmarks', 'points', 'pose', 'boxes']);
    expect(possible(bare)).toEqual(['boxes']);
  });
});

describe('drawOverlays', () => {
  test('draws one over the other, the background first', () => {
    const render = DRAWINGS.render.draw(image, faces, aligner, { background: 'black' });
    const both = DRAWINGS.landmarks.draw(render, faces, aligner, {});
    const drawn = drawOverlays(image, ['render', 'landmarks'], faces, aligner, { background: 'black' });
    expect(bytesOf(drawn).equals(bytesOf(both))).toBe(true);
  });

  test('without kinds gives the image, or black', () => {
    expect(drawOverlays(image, [], faces, aligner)).toBe(image);
    const black = drawOverlays(image, [], faces, aligner, { background: 'black' });
    expect(new Set(new Uint32Array(bytesOf(black).buffer)).size).toBe(1);
  });

  test('takes every overlay', () => {
    const drawn = drawOverlays(image, OVERLAY_KINDS, faces, aligner);
    expect(bytesOf(drawn).equals(bytesOf(image))).toBe(false);
  });
});

describe('FoundFace', () => {
  test('has the angles as its label, or the number of a tracked face', () => {
    const [{ aligned, landmarks }] = faces;
    expect(faces[0].label).toMatch(/^yaw -?\d+\.\d° {2}pitch -?\d+\.\d° {2}roll -?\d+\.\d°$/);
    const tracked = new FoundFace(aligner, { ...aligned, id: 3, how: 'track', landmarks });
    expect(tracked.label).toBe('#3');
    expect(tracked.landmarks).toBe(landmarks);
    expect(tracked.box).not.toHaveProperty('score');
  });

  test('of a pack without a model has a box and a pose', () => {
    const { morphableModel, faceMaps, ...bare } = aligner;
    const face = new FoundFace(bare, faces[0].aligned);
    expect([face.hasModel, face.box]).toEqual([false, face.aligned.roiBox]);
    expect(face.pose.yawDegrees).toBe(faces[0].pose.yawDegrees);
  });
});
