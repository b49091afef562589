/** Mesh files in a real browser: three.js must show the face that is on the photo. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { decode } from 'fast-png';
import type { Page } from 'playwright-core';
import type { LocalServer } from '../../development/local-server.ts';
import { repositoryRoot } from '../../development/paths.ts';
import { referenceFaces, rgbaOfPng, upstreamMaps } from '../../development/reference-faces.ts';
import { syntheticFace } from '../../development/synthetic-face.ts';
import { writeGlb } from '../../src/geometry/glb.ts';
import { type Mesh, toPhotoFrame, withClosedMouth } from '../../src/geometry/mesh.ts';
import { vertexNormals } from '../../src/geometry/normals.ts';
import { writeMtl, writeObj } from '../../src/geometry/obj.ts';
import { extractUvTexture } from '../../src/geometry/uv-texture.ts';
import { vertexVisibility } from '../../src/geometry/visibility.ts';
import { encodePng } from '../../src/image-files/write-image.ts';
import type { FaceMaps, RgbaImage } from '../../src/types.ts';
import { describeWithChromium, openPage, startSite, useChromium } from '../support/chromium.ts';
import { describeWithShared } from '../support/shared.ts';

declare const showMesh: typeof import('../../development/mesh-page.ts').showMesh;

const PHOTO = join(repositoryRoot, 'examples', 'astronaut.png');
/** Levels, over the pixels where the photo shows the face's skin; 4.1 measured, and 8 where it is shown one pixel off. */
const MAX_MEAN_DIFFERENCE = 6;
/** Share of those pixels that the mesh must cover; 0.999 measured. */
const MIN_COVERED = 0.995;

describeWithChromium('mesh files in three.js', () => {
  const browser = useChromium(['--use-angle=swiftshader']);
  let folder = '';
  let server: LocalServer;
  let page: Page;
  let photo: RgbaImage;

  beforeAll(async () => {
    photo = rgbaOfPng(PHOTO);
    folder = await mkdtemp(join(tmpdir(), 'tddfa-meshes-'));
    await build({
      entryPoints: [join(repositoryRoot, 'development/mesh-page.ts')],
      outfile: join(folder, 'page.js'),
      bundle: true,
      format: 'esm',
      logLevel: 'error',
    });
    await writeFile(
      join(folder, 'index.html'),
      '<!doctype html><html lang="en"><title>Mesh</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script></html>',
    );
    server = await startSite({ folders: { '/': folder } });
    ({ page } = await openPage(browser(), server.url));
    await page.waitForFunction(() => 'showMesh' in globalThis);
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Writes the mesh in each format, shows it, and compares it with the photo where its skin is seen. */
  async function expectLikePhoto(name: string, vertices: Float32Array, maps: FaceMaps): Promise<void> {
    const { triangles, uvs, uvTriangles } = withClosedMouth(maps);
    const positions = toPhotoFrame(vertices, photo.height);
    const normals = vertexNormals(Float32Array.from(positions), triangles, { yAxis: 'up' });
    const mesh: Mesh = { positions, triangles, uvs, normals, ...(uvTriangles && { uvTriangles }) };
    const texture = encodePng(extractUvTexture(photo, vertices, maps, { size: 512, hidden: 'mirror', fill: true }));
    const material = { file: 'face.mtl', textures: ['face.png'] };
    const files = {
      'face.png': texture,
      'face.mtl': writeMtl(material),
      'face.obj': writeObj([mesh], { material }),
      'face.glb': writeGlb([{ mesh, texture }]),
    };
    // A folder of its own: a page keeps pictures in memory by their address.
    await mkdir(join(folder, name));
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(folder, name, file), bytes);

    const seen = vertexVisibility(vertices, maps);
    for (const file of ['face.glb', 'face.obj']) {
      const url = await page.evaluate(({ name, file, width, height }) => showMesh(`/${name}/`, file, width, height), {
        name,
        file,
        width: photo.width,
        height: photo.height,
      });
      const png = Buffer.from(url.slice(url.indexOf(',') + 1), 'base64');
      const shown = decode(png);
      let pixels = 0;
      let covered = 0;
      let difference = 0;
      for (let i = 0; i < seen.length; i++) {
        if (seen[i] < 1 || isOnTextureBorder(maps.uvs, i)) continue;
        const x = Math.round(vertices[i * 3]);
        const y = Math.round(vertices[i * 3 + 1]);
        const at = (y * photo.width + x) * 4;
        pixels++;
        if (shown.data[at + 3] !== 255) continue;
        covered++;
        for (let c = 0; c < 3; c++) {
          difference += Math.abs(shown.data[at + c] - photo.data[at + c]) / 3;
        }
      }
      expect(pixels).toBeGreaterThan(300);
      expect(covered / pixels).toBeGreaterThan(MIN_COVERED);
      expect(difference / covered).toBeLessThan(MAX_MEAN_DIFFERENCE);
    }
  }

  test('a bulge that is laid over the face', async () => {
    const { vertices, maps } = syntheticFace(226, 122, 60);
    const flat = vertices.map((value, i) => (i % 3 === 2 ? value / 3 : value));
    await expectLikePhoto('bulge', flat, maps);
  });

  describeWithShared('of the original model', () => {
    let maps: FaceMaps;
    beforeAll(async () => {
      maps = await upstreamMaps();
    });

    test('a face', async () => {
      const [face] = referenceFaces('astronaut');
      await expectLikePhoto('face', face?.vertices ?? new Float32Array(0), maps);
    });
  });
});

/** OBJ has no way to say that a texture must not go round, so at its border the other side shines through. */
function isOnTextureBorder(uvs: Float32Array, vertex: number): boolean {
  const u = uvs[vertex * 2];
  const v = uvs[vertex * 2 + 1];
  return Math.min(u, v, 1 - u, 1 - v) < 0.02;
}
