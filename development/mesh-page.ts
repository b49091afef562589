/** Runs in a page: three.js shows a mesh file as it appears in a photo. */
import {
  AmbientLight,
  Box3,
  Color,
  Group,
  OrthographicCamera,
  Scene,
  SRGBColorSpace,
  Vector3,
  WebGLRenderer,
} from 'three';
import { GLTFLoader } from 'three/examples/jsm/loaders/GLTFLoader.js';
import { MTLLoader } from 'three/examples/jsm/loaders/MTLLoader.js';
import { OBJLoader } from 'three/examples/jsm/loaders/OBJLoader.js';

/**
 * Draws a mesh in px of a photo, y up, as the photo's camera saw it.
 * @param file - `….glb`, or `….obj` with its material file beside it.
 * @returns a PNG as a data URL, as large as the photo, transparent outside the mesh.
 */
export async function showMesh(folder: string, file: string, width: number, height: number): Promise<string> {
  const scene = new Scene();
  // Reflected from white, this much light is white.
  scene.add(new AmbientLight(0xffffff, Math.PI));
  scene.add(await loadMesh(folder, file));
  const bounds = new Box3().setFromObject(scene);
  // Whole numbers are the centres of pixels, and row 0 is at y = height.
  const camera = new OrthographicCamera(-0.5, width - 0.5, height + 0.5, 0.5, 1, bounds.max.z - bounds.min.z + 2);
  camera.position.z = bounds.max.z + 1;
  camera.updateProjectionMatrix();
  const renderer = new WebGLRenderer({ alpha: true, antialias: false, preserveDrawingBuffer: true });
  renderer.outputColorSpace = SRGBColorSpace;
  renderer.setSize(width, height);
  renderer.render(scene, camera);
  const url = renderer.domElement.toDataURL('image/png');
  renderer.dispose();
  return url;
}

async function loadMesh(folder: string, file: string) {
  if (file.endsWith('.glb')) return (await new GLTFLoader().loadAsync(folder + file)).scene;
  const materials = await new MTLLoader().setPath(folder).loadAsync(file.replace(/\.obj$/, '.mtl'));
  materials.preload();
  // Textures load without the loader waiting for them.
  const textures = Object.values(materials.materials).map(
    (material) => (material as { map?: { image?: unknown } }).map,
  );
  const object = await new OBJLoader().setMaterials(materials).setPath(folder).loadAsync(file);
  while (textures.some((texture) => texture?.image == null)) {
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return object;
}

/**
 * Draws a mesh several times side by side, turned about its own vertical axis.
 * @param size - px of each view.
 * @returns a PNG as a data URL, on dark grey.
 */
export async function showTurned(
  folder: string,
  file: string,
  size: number,
  turnsDegrees: readonly number[],
): Promise<string> {
  const scene = new Scene();
  scene.background = new Color(0x202226);
  scene.add(new AmbientLight(0xffffff, Math.PI));
  const mesh = await loadMesh(folder, file);
  const bounds = new Box3().setFromObject(mesh);
  mesh.position.copy(bounds.getCenter(new Vector3())).negate();
  const turned = new Group().add(mesh);
  scene.add(turned);
  // A little less than the bounding sphere, which a face does not fill.
  const reach = (bounds.getSize(new Vector3()).length() / 2) * 0.72;
  const camera = new OrthographicCamera(-reach, reach, reach, -reach, 0, 4 * reach);
  camera.position.z = 2 * reach;
  const renderer = new WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  renderer.setSize(size, size);
  const sheet = document.createElement('canvas');
  sheet.width = size * turnsDegrees.length;
  sheet.height = size;
  for (const [index, degrees] of turnsDegrees.entries()) {
    turned.rotation.y = (degrees * Math.PI) / 180;
    renderer.render(scene, camera);
    sheet.getContext('2d')?.drawImage(renderer.domElement, index * size, 0);
  }
  renderer.dispose();
  return sheet.toDataURL('image/png');
}

Object.assign(globalThis, { showMesh, showTurned });
