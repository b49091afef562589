/** The 3D view: three.js on a canvas that the page has handed over, so that the page itself draws nothing. */
import {
  BackSide,
  Box3,
  type BufferAttribute,
  BufferGeometry,
  Color,
  DirectionalLight,
  Group,
  HemisphereLight,
  Mesh,
  MeshBasicMaterial,
  MeshLambertMaterial,
  PerspectiveCamera,
  Quaternion,
  Scene,
  SRGBColorSpace,
  Texture,
  Vector3,
  WebGLRenderer,
} from 'three';
import { createSurfaceReconstructor, poseFromParams } from '../../src/geometry.ts';
import { FaceMesh3D } from '../../src/three.ts';
import { withCoefficients } from './face-edit.ts';
import type { FaceEdit } from './studio-protocol.ts';
import type { SkinName, ViewedByStudio, ViewedModel, ViewerAnswer, ViewerRequest } from './viewer-protocol.ts';

interface WorkerScope {
  postMessage(message: ViewerAnswer): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<ViewerRequest>) => void): void;
  requestAnimationFrame(callback: (time: number) => void): number;
}

const scope = globalThis as unknown as WorkerScope;

const FIELD_OF_VIEW_DEGREES = 30;
/** Factor on the distance at which the face just fills the view. */
const MARGIN = 0.98;
const SWAY = { radians: 0.42, periodMs: 6000 } as const;
const AHEAD = new Quaternion();

/** A face's parameters and skin. */
interface Shown {
  readonly params: Float32Array;
  readonly texture: Texture;
}

class Viewer {
  readonly #renderer: WebGLRenderer;
  readonly #scene = new Scene();
  readonly #camera = new PerspectiveCamera(FIELD_OF_VIEW_DEGREES, 1, 0.01, 20);
  /** Turns as the head does. */
  readonly #pivot = new Group();
  readonly #skin = new MeshBasicMaterial();
  readonly #clay = new MeshLambertMaterial({ color: new Color(0xc9b8a8) });
  /** From behind, a face is seen as the inside of a mask, and what lies beyond does not show through its gaps. */
  readonly #inside = new MeshLambertMaterial({ color: new Color(0x8d8178), side: BackSide });
  #head: FaceMesh3D | undefined;
  /** How many of the mesh's indices are the skin's; those of eyes and teeth follow. */
  #skinIndices = Number.POSITIVE_INFINITY;
  #packed: ViewedModel | undefined;
  #material: SkinName = 'photo';
  /** The face of a picture that stands still, and the one before that of a photo, which is the puppet. */
  #still: Shown | undefined;
  #photo: Shown | undefined;
  #liveTexture: Texture | undefined;
  #isPuppet = false;
  #radius = 0.12;
  readonly #ahead = new Vector3();
  #view = { yaw: 0, pitch: 0, zoom: 1 };
  #swayStart: number | undefined;
  #isDue = false;
  #wasDrawn: boolean | undefined;

  constructor(canvas: OffscreenCanvas) {
    this.#renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.#renderer.setClearColor(0x000000, 0);
    const light = new DirectionalLight(0xffffff, 2.2);
    light.position.set(0.4, 0.6, 1);
    this.#scene.add(this.#pivot, light, new HemisphereLight(0xffffff, 0x404050, 1.2));
    canvas.addEventListener('webglcontextlost', () => scope.postMessage({ lost: true }));
    canvas.addEventListener('webglcontextrestored', () => {
      scope.postMessage({ lost: false });
      this.#draw();
    });
  }

  resize(width: number, height: number, pixelRatio: number): void {
    this.#renderer.setPixelRatio(pixelRatio);
    this.#renderer.setSize(width, height, false);
    this.#camera.aspect = width / Math.max(1, height);
    this.#camera.updateProjectionMatrix();
    this.#draw();
  }

  look(view: { readonly yaw: number; readonly pitch: number; readonly zoom: number }): void {
    this.#view = view;
    this.#draw();
  }

  sway(isOn: boolean): void {
    if (isOn === (this.#swayStart !== undefined)) return;
    this.#swayStart = isOn ? performance.now() : undefined;
    this.#draw();
  }

  /** Takes the model of another pack; the faces of the previous one are dropped. */
  model(model: ViewedModel | undefined): void {
    this.#head?.dispose();
    this.#pivot.clear();
    this.#head = undefined;
    this.#packed = model;
    for (const shown of [this.#still, this.#photo]) shown?.texture.dispose();
    this.#still = undefined;
    this.#photo = undefined;
    if (model !== undefined) {
      const reconstruct = createSurfaceReconstructor(model.packName, model.morphableModel);
      const head = new FaceMesh3D({ ...model, reconstruct }, { material: this.#skin });
      // It stands in a space of its own, around its centre, not on the photo.
      head.matrixAutoUpdate = true;
      const box = new Box3().setFromBufferAttribute(head.geometry.attributes.position as BufferAttribute);
      head.position.copy(box.getCenter(new Vector3())).negate();
      const size = box.getSize(new Vector3());
      head.frustumCulled = false;
      this.#radius = Math.hypot(size.x, size.y) / 2;
      this.#skinIndices = putSkinFirst(head.geometry);
      const inside = new Mesh(sharingVertices(head.geometry), this.#inside);
      head.add(Object.assign(inside, { frustumCulled: false, renderOrder: -1 }));
      this.#pivot.add(head);
      this.#head = head;
      this.#dress();
    }
    this.#draw();
  }

  still(params: Float32Array, bitmap: ImageBitmap, isPhoto: boolean): void {
    const shown = { params, texture: textureOf(bitmap) };
    const unused = isPhoto ? [this.#photo, this.#still] : [this.#still];
    for (const before of new Set(unused)) {
      if (before !== undefined && (isPhoto || before !== this.#photo)) before.texture.dispose();
    }
    this.#still = shown;
    if (isPhoto) this.#photo = shown;
    this.#show(params, shown.texture);
  }

  edit({ expression, shape, frontal }: Omit<FaceEdit, 'face'>): void {
    const model = this.#packed?.morphableModel;
    if (this.#still === undefined || model === undefined) return;
    const params = withCoefficients(this.#still.params, { expression, shape }, model);
    this.#show(params, this.#still.texture, frontal);
  }

  live(params: Float32Array, bitmap: ImageBitmap | undefined): void {
    if (bitmap !== undefined) {
      this.#liveTexture?.dispose();
      this.#liveTexture = textureOf(bitmap);
    }
    if (this.#isPuppet && this.#photo !== undefined && this.#head !== undefined) {
      // The shape is from the photo, the rest from the person in front of the camera.
      this.#head.reshape(this.#photo).express({ params });
      this.#turn(params);
      this.#wear(this.#photo.texture);
    } else {
      this.#show(params, this.#liveTexture);
    }
  }

  puppet(isOn: boolean): void {
    this.#isPuppet = isOn;
  }

  material(name: SkinName): void {
    this.#material = name;
    this.#dress();
    this.#draw();
  }

  clear(): void {
    if (this.#head !== undefined) this.#head.visible = false;
    this.#draw();
  }

  #show(params: Float32Array, texture: Texture | undefined, frontal = false): void {
    this.#head?.reshape({ params });
    if (frontal) this.#pivot.quaternion.copy(AHEAD);
    else this.#turn(params);
    this.#wear(texture);
  }

  #turn(params: Float32Array): void {
    this.#pivot.quaternion.fromArray(poseFromParams(params).quaternion);
  }

  #wear(texture: Texture | undefined): void {
    if (this.#skin.map !== texture) {
      this.#skin.map = texture ?? null;
      this.#skin.needsUpdate = true;
    }
    if (this.#head !== undefined) this.#head.visible = true;
    this.#draw();
  }

  #dress(): void {
    if (this.#head !== undefined) this.#head.material = this.#material === 'photo' ? this.#skin : this.#clay;
    this.#clay.wireframe = this.#material === 'wireframe';
    this.#inside.visible = this.#material !== 'wireframe';
    this.#clay.needsUpdate = true;
  }

  /** Once per screen frame, whatever changed before it. */
  #draw(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    scope.requestAnimationFrame(() => {
      this.#isDue = false;
      this.#aim();
      this.#renderer.render(this.#scene, this.#camera);
      const drawn = this.#head?.visible === true;
      if (drawn !== this.#wasDrawn) scope.postMessage({ drawn });
      this.#wasDrawn = drawn;
      if (this.#swayStart !== undefined && drawn) this.#draw();
    });
  }

  #aim(): void {
    const phase = this.#swayStart === undefined ? 0 : (performance.now() - this.#swayStart) / SWAY.periodMs;
    const yaw = this.#view.yaw + SWAY.radians * Math.sin(2 * Math.PI * phase);
    const { pitch, zoom } = this.#view;
    const camera = this.#camera;
    // A view that is narrower than it is high shows less at the sides than above.
    const widest = this.#radius / Math.tan((FIELD_OF_VIEW_DEGREES * Math.PI) / 360) / Math.min(1, camera.aspect);
    const distance = (widest / zoom) * MARGIN;
    camera.position.set(
      distance * Math.sin(yaw) * Math.cos(pitch),
      distance * Math.sin(pitch),
      distance * Math.cos(yaw) * Math.cos(pitch),
    );
    camera.lookAt(0, 0, 0);
    this.#showInside(camera.position);
  }

  /**
   * From the front, the inside is seen only through gaps: rolled lids and lips, whose backs lie before eyes and teeth,
   * hide nothing. From behind, it hides what is beyond it.
   */
  #showInside(viewpoint: Vector3): void {
    const ahead = this.#ahead.set(0, 0, 1).applyQuaternion(this.#pivot.quaternion);
    const isBehind = ahead.dot(viewpoint) < 0;
    this.#inside.depthWrite = isBehind;
    // Of eyeballs and teeth only the hollow side is seen from there, not what bulges out of the mask's inside.
    this.#head?.geometry.setDrawRange(0, isBehind ? this.#skinIndices : Number.POSITIVE_INFINITY);
  }
}

/** Another geometry of the same vertices, of which another part can be drawn. */
function sharingVertices(geometry: BufferGeometry): BufferGeometry {
  const sharing = new BufferGeometry().setIndex(geometry.index);
  for (const [name, attribute] of Object.entries(geometry.attributes)) sharing.setAttribute(name, attribute);
  return sharing;
}

/**
 * Sorts a mesh's triangles so that those of its largest part come first: the skin, before eyes and teeth, which are not
 * joined to it.
 * @returns how many indices the largest part has.
 */
function putSkinFirst({ index, attributes: { position } }: BufferGeometry): number {
  if (index === null) return Number.POSITIVE_INFINITY;
  // Vertices that were split at seams of the texture still count as one.
  const places = new Map<string, number>();
  const parents = Uint32Array.from({ length: position.count }, (_, i) => {
    const place = `${position.getX(i)} ${position.getY(i)} ${position.getZ(i)}`;
    const first = places.get(place) ?? i;
    places.set(place, first);
    return first;
  });
  const rootOf = (vertex: number): number => {
    let root = vertex;
    while (parents[root] !== root) root = parents[root] = parents[parents[root] ?? root] ?? root;
    return root;
  };
  const vertices = Uint32Array.from(index.array);
  for (let t = 0; t < vertices.length; t += 3) {
    const root = rootOf(vertices[t] ?? 0);
    for (const corner of [1, 2]) parents[rootOf(vertices[t + corner] ?? 0)] = root;
  }
  const sizes = new Map<number, number>();
  for (const vertex of vertices) sizes.set(rootOf(vertex), (sizes.get(rootOf(vertex)) ?? 0) + 1);
  const [[skin, size] = [0, 0]] = [...sizes].sort(([, a], [, b]) => b - a);
  const sorted: number[] = [];
  for (const isWanted of [true, false]) {
    for (let t = 0; t < vertices.length; t += 3) {
      if ((rootOf(vertices[t] ?? 0) === skin) === isWanted) sorted.push(...vertices.subarray(t, t + 3));
    }
  }
  index.copyArray(sorted);
  index.needsUpdate = true;
  return size;
}

function textureOf(bitmap: ImageBitmap): Texture {
  const texture = new Texture(bitmap as unknown as HTMLImageElement);
  texture.colorSpace = SRGBColorSpace;
  texture.anisotropy = 4;
  // Bitmaps are uploaded as they are.
  texture.flipY = false;
  texture.needsUpdate = true;
  return texture;
}

let viewer: Viewer | undefined;

function guarded(work: () => void): void {
  try {
    work();
  } catch (error) {
    scope.postMessage({ error: String((error as Error).message) });
  }
}

function onStudio(message: ViewedByStudio): void {
  switch (message.type) {
    case 'model':
      viewer?.model(message.model);
      break;
    case 'still':
      viewer?.still(message.params, message.texture, message.isPhoto);
      break;
    case 'live':
      viewer?.live(message.params, message.texture);
      break;
  }
}

scope.addEventListener('message', ({ data: message }) =>
  guarded(() => {
    switch (message.type) {
      case 'canvas':
        message.studio.onmessage = ({ data }: MessageEvent<ViewedByStudio>) => guarded(() => onStudio(data));
        viewer = new Viewer(message.canvas);
        break;
      case 'resize':
        viewer?.resize(message.width, message.height, message.pixelRatio);
        break;
      case 'look':
        viewer?.look(message);
        break;
      case 'sway':
        viewer?.sway(message.isOn);
        break;
      case 'edit':
        viewer?.edit(message.edit);
        break;
      case 'material':
        viewer?.material(message.name);
        break;
      case 'puppet':
        viewer?.puppet(message.isOn);
        break;
      case 'clear':
        viewer?.clear();
        break;
    }
  }),
);
