/** The 3D view: three.js on a canvas that the page has handed over, so that the page itself draws nothing. */
import {
  BufferAttribute,
  BufferGeometry,
  Color,
  DirectionalLight,
  HemisphereLight,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  PerspectiveCamera,
  Scene,
  SRGBColorSpace,
  Texture,
  Vector3,
  WebGLRenderer,
} from 'three';
import type { FaceSurface, ViewedFace } from './studio-protocol.ts';
import type { ViewerAnswer, ViewerRequest } from './viewer-protocol.ts';

interface WorkerScope {
  postMessage(message: ViewerAnswer): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ViewerRequest>) => void): void;
  requestAnimationFrame(callback: () => void): number;
}

const scope = globalThis as unknown as WorkerScope;

const FIELD_OF_VIEW_DEGREES = 30;

class Viewer {
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW_DEGREES, 1, 1, 5000);
  readonly #skin = new MeshBasicMaterial();
  readonly #clay = new MeshLambertMaterial({ color: new Color(0xc9b8a8) });
  readonly #face = new Mesh<BufferGeometry, MeshBasicMaterial | MeshLambertMaterial>(new BufferGeometry(), this.#skin);
  #radius = 120;
  #isDue = false;

  constructor(canvas: OffscreenCanvas) {
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.#renderer.setClearColor(0x000000, 0);
    const light = new DirectionalLight(0xffffff, 2.2);
    light.position.set(0.4, 0.6, 1);
    this.#scene.add(this.#face, light, new HemisphereLight(0xffffff, 0x404050, 1.2));
    this.#face.visible = false;
    this.look({ yaw: 0, pitch: 0, zoom: 1 });
  }

  resize(width: number, height: number, pixelRatio: number): void {
    this.#renderer.setPixelRatio(pixelRatio);
    this.#renderer.setSize(width, height, false);
    this.#camera.aspect = width / Math.max(1, height);
    this.#camera.updateProjectionMatrix();
    this.#draw();
  }

  look({ yaw, pitch, zoom }: { readonly yaw: number; readonly pitch: number; readonly zoom: number }): void {
    const distance = (this.#radius / Math.tan((FIELD_OF_VIEW_DEGREES * Math.PI) / 360) / zoom) * 1.25;
    this.#camera.position.set(
      distance * Math.sin(yaw) * Math.cos(pitch),
      distance * Math.sin(pitch),
      distance * Math.cos(yaw) * Math.cos(pitch),
    );
    this.#camera.lookAt(new Vector3());
    this.#draw();
  }

  show({ positions, normals, triangles, uvs, texture }: ViewedFace): void {
    const geometry = new BufferGeometry();
    geometry.setIndex(new BufferAttribute(triangles, 1));
    geometry.setAttribute('position', new BufferAttribute(positions, 3));
    geometry.setAttribute('normal', new BufferAttribute(normals, 3));
    geometry.setAttribute('uv', new BufferAttribute(uvs, 2));
    this.#face.geometry.dispose();
    this.#face.geometry = geometry;
    this.#skin.map?.dispose();
    const map = new Texture(texture as unknown as HTMLImageElement);
    map.colorSpace = SRGBColorSpace;
    map.anisotropy = 4;
    // Bitmaps are uploaded as they are, and the texture's bottom row is v = 0.
    map.flipY = false;
    for (let i = 1; i < uvs.length; i += 2) uvs[i] = 1 - uvs[i];
    map.needsUpdate = true;
    this.#skin.map = map;
    this.#skin.needsUpdate = true;
    this.#radius = radiusOf(positions);
    this.#face.visible = true;
    this.#draw();
  }

  change({ positions, normals }: FaceSurface): void {
    const { geometry } = this.#face;
    geometry.setAttribute('position', new BufferAttribute(positions, 3));
    geometry.setAttribute('normal', new BufferAttribute(normals, 3));
    geometry.boundingSphere = null;
    this.#draw();
  }

  material(name: 'photo' | 'clay' | 'wireframe'): void {
    this.#face.material = name === 'photo' ? this.#skin : this.#clay;
    this.#clay.wireframe = name === 'wireframe';
    this.#clay.needsUpdate = true;
    this.#draw();
  }

  clear(): void {
    this.#face.visible = false;
    this.#draw();
  }

  /** Once for each picture of the screen, whatever changed before it. */
  #draw(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    scope.requestAnimationFrame(() => {
      this.#isDue = false;
      this.#renderer.render(this.#scene, this.#camera);
      scope.postMessage({ drawn: this.#face.visible });
    });
  }
}

function radiusOf(positions: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < positions.length; i += 3) {
    largest = Math.max(largest, Math.hypot(positions[i], positions[i + 1]));
  }
  return largest;
}

let viewer: Viewer | undefined;

scope.addEventListener('message', ({ data: message }) => {
  try {
    switch (message.type) {
      case 'canvas':
        viewer = new Viewer(message.canvas);
        break;
      case 'resize':
        viewer?.resize(message.width, message.height, message.pixelRatio);
        break;
      case 'look':
        viewer?.look(message);
        break;
      case 'mesh':
        viewer?.show(message.mesh);
        break;
      case 'surface':
        viewer?.change(message.surface);
        break;
      case 'material':
        viewer?.material(message.name);
        break;
      case 'clear':
        viewer?.clear();
        break;
    }
  } catch (error) {
    scope.postMessage({ error: String((error as Error).message) });
  }
});
