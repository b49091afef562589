/** `tddfa/three` as users of three.js install it, beside the oldest version that is allowed and the newest. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { repositoryRoot } from '../../development/paths.ts';
import { COMMAND_TIMEOUT_MS, usePackedProject } from '../support/packed-project.ts';

const OLDEST = '0.160.0';

const PROGRAM = `
import { createFaceAligner, readImage, type AlignedFace } from 'tddfa/node';
import { FaceMesh3D, frontalTexture, HeadOccluder, OccluderMaterial, PhotoCamera } from 'tddfa/three';
import { Mesh, MeshBasicMaterial, Scene, SphereGeometry, Vector3 } from 'three';

const aligner = await createFaceAligner();
const photo = await readImage(process.argv[2]);
const [face] = await aligner.align(photo, await aligner.detect(photo));
const mesh: Mesh = new FaceMesh3D(aligner, { material: new MeshBasicMaterial({ map: frontalTexture(aligner, photo, face) }) });
const head = new FaceMesh3D(aligner, { material: new OccluderMaterial(), morphTargets: true }).update(face);
const ball = new Mesh(new SphereGeometry(0.01));
ball.position.copy(head.landmark(30));
head.add(ball, new HeadOccluder(aligner));
new Scene().add(mesh, head).updateMatrixWorld();
const { x, y } = ball.getWorldPosition(new Vector3()).project(new PhotoCamera(photo.width, photo.height));
const nose = aligner.reconstruct(face).subarray(90, 93);
const miss = Math.hypot(((x + 1) / 2) * photo.width - 0.5 - nose[0], ((1 - y) / 2) * photo.height - 0.5 - nose[1]);
console.log(miss < 0.01 && Object.keys(head.morphTargetDictionary ?? {}).length > 5);
// @ts-expect-error: a photo is no face
export const wrong = (given: FaceMesh3D) => given.update(photo);
// @ts-expect-error: there is no such option
export const misspelt = () => new FaceMesh3D(aligner, { morph: true });
export const typed: AlignedFace = face;
`;

describe.each([[OLDEST], ['latest']])('with three %s', (version) => {
  const project = usePackedProject({
    packages: [`three@${version}`, `@types/three@${version}`, 'typescript@5.9', '@types/node@22'],
    flags: ['--omit=optional'],
    files: { 'program.ts': PROGRAM },
  });

  test(
    'a face is put into a scene, and what is added to it sits on the photo',
    async () => {
      const compilerOptions = {
        ...{ module: 'nodenext', moduleResolution: 'nodenext', target: 'es2022', strict: true, outDir: 'out' },
        ...{ lib: ['ES2022', 'DOM'], types: ['node'], skipLibCheck: true },
      };
      await project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['program.ts'] }));
      expect((await project.run('npx', 'tsc', '-p', '.')).stdout).toBe('');
      const portrait = join(repositoryRoot, 'examples', 'astronaut.png');
      const { stdout, stderr } = await project.run('node', 'out/program.js', portrait);
      expect([stdout.trim(), stderr]).toEqual(['true', '']);
    },
    COMMAND_TIMEOUT_MS,
  );
});

describe('without three', () => {
  const project = usePackedProject({
    flags: ['--omit=optional'],
    files: { 'program.mjs': "await import('tddfa/three').catch((error) => console.log(error.message));" },
  });

  test(
    'it is not installed, and what is missing is named',
    async () => {
      const { stdout } = await project.run('node', 'program.mjs');
      expect(stdout).toMatch(/Cannot find package 'three'/);
    },
    COMMAND_TIMEOUT_MS,
  );
});
