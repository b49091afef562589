import { type Command, Option } from 'commander';
import { expressionTargets } from '../geometry/expression-targets.ts';
import { writeGlb } from '../geometry/glb.ts';
import {
  DEFAULT_INTEROCULAR_MM,
  type Mesh,
  type MetricPlacement,
  metricPlacements,
  toMetricFrame,
  toPhotoFrame,
  vertexColours,
  withClosedMouth,
} from '../geometry/mesh.ts';
import { vertexNormals } from '../geometry/normals.ts';
import { writeMtl, writeObj, writeUpstreamObj } from '../geometry/obj.ts';
import type { Compatibility } from '../geometry/picture.ts';
import { writePly } from '../geometry/ply.ts';
import { extractUvTexture, type UvTexture, type UvTextureOptions } from '../geometry/uv-texture.ts';
import { encodePng } from '../image-files/write-image.ts';
import { usageError } from './cli-error.ts';
import { type FoundFace, type FoundFaces, landmarksOf, type OutputFile } from './found-faces.ts';
import { MESH_KINDS, type PictureFlags, parseKinds, textureOptions } from './picture-files.ts';

/** Flags about meshes. */
export interface MeshFlags {
  readonly mesh?: string;
  readonly frame?: 'metric' | 'photo';
  readonly interocular?: string;
  /** False after `--no-texture`. */
  readonly texture: boolean;
  readonly plyFormat: 'binary' | 'ascii';
  readonly separate?: boolean;
}

/** What is to be written, and how. */
export interface MeshPlan {
  readonly kinds: readonly string[];
  readonly frame: 'metric' | 'photo';
  readonly interocularMm: number;
  readonly hasTexture: boolean;
  readonly plyFormat: 'binary' | 'ascii';
  readonly isSeparate: boolean;
  readonly compatibility: Compatibility;
  readonly texture: UvTextureOptions;
}

/** Texels; the texture of a mesh is the next power of two above the face's size in px, within these. */
const MESH_TEXTURE_SIZES = { least: 256, most: 1024 } as const;
/** glTF counts in metres. */
const METRES_PER_MM = 0.001;

/** Adds the flags about meshes to a command. */
export function addMeshFlags(command: Command): Command {
  return command
    .option('-m, --mesh <kinds>', `meshes to write, comma-separated: ${MESH_KINDS.join(', ')}`)
    .addOption(
      new Option(
        '--frame <kind>',
        'metric: centred, y up, in millimetres (glb: metres); photo: px of the photo, y up (default: metric)',
      ).choices(['metric', 'photo']),
    )
    .option(
      '--interocular <mm>',
      `distance between the pupils, for --frame metric (default: ${DEFAULT_INTEROCULAR_MM})`,
    )
    .option('--no-texture', 'colour the vertices of glb and obj instead of unrolling the skin into a texture')
    .addOption(new Option('--ply-format <kind>', 'of ply files').choices(['binary', 'ascii']).default('binary'))
    .option('--separate', 'write a mesh file for each face instead of one for the photo');
}

/** @throws CliError with exit status 2 for flags that make no sense. */
export function planMeshes(flags: MeshFlags & PictureFlags): MeshPlan {
  const { compatibility } = flags;
  const kinds = parseKinds('--mesh', flags.mesh ?? '', MESH_KINDS);
  const interocularMm = flags.interocular === undefined ? DEFAULT_INTEROCULAR_MM : Number(flags.interocular);
  if (!(interocularMm > 0 && interocularMm < Number.POSITIVE_INFINITY)) {
    throw usageError(`--interocular: expected a length in millimetres, got '${flags.interocular}'`);
  }
  const frame = flags.frame ?? (compatibility === 'upstream' ? 'photo' : 'metric');
  if (frame === 'photo' && flags.interocular !== undefined) {
    throw usageError('--interocular: only --frame metric has a scale');
  }
  return {
    kinds,
    frame,
    interocularMm,
    hasTexture: flags.texture,
    plyFormat: flags.plyFormat,
    isSeparate: flags.separate === true,
    compatibility,
    texture: { hidden: 'mirror', fill: true, ...textureOptions(flags), compatibility: 'none' },
  };
}

/** A face ready for any kind of file. */
interface PlacedFace {
  readonly face: FoundFace;
  readonly mesh: Mesh;
  /** Units of the positions per px. */
  readonly scale: number;
  /** Bytes of a PNG file; missing without textures. */
  readonly texture?: Uint8Array;
}

/**
 * The meshes of a photo as files, one by one; none where there is no face.
 * @param stem - what their names begin with.
 */
export function* meshFiles(found: FoundFaces, plan: MeshPlan, stem: string): Generator<OutputFile> {
  if (plan.kinds.length === 0 || found.faces.length === 0) return;
  const isUpstream = (kind: string): boolean => plan.compatibility === 'upstream' && kind !== 'glb';
  const placed = plan.kinds.every(isUpstream) ? [] : placeFaces(found, plan);
  const all = found.faces.map((_, index) => index);
  const groups = plan.isSeparate ? all.map((index) => [index]) : [all];
  for (const [number, group] of groups.entries()) {
    const name = plan.isSeparate ? `${stem}-face-${number + 1}` : stem;
    for (const kind of plan.kinds) {
      if (isUpstream(kind)) {
        yield upstreamFile(
          kind,
          found,
          group.map((index) => found.faces[index]),
          name,
        );
      } else {
        yield* filesOfKind(
          kind,
          found,
          group.map((index) => placed[index]),
          plan,
          name,
        );
      }
    }
  }
}

function upstreamFile(kind: string, found: FoundFaces, group: readonly FoundFace[], stem: string): OutputFile {
  const { triangles } = found.maps();
  const faces = group.map((face) => face.vertices());
  if (kind === 'obj') return { name: `${stem}.obj`, bytes: writeUpstreamObj(found.image, faces, triangles) };
  const { height } = found.image;
  const meshes = faces.map((vertices) => ({ positions: toPhotoFrame(vertices, height), triangles }));
  return { name: `${stem}.ply`, bytes: writePly(meshes, { compatibility: 'upstream' }) };
}

function placeFaces(found: FoundFaces, plan: MeshPlan): PlacedFace[] {
  const { image, faces } = found;
  const maps = found.maps();
  const closedMaps = plan.texture.mouth === 'open' ? maps : withClosedMouth(maps);
  const landmarks = landmarksOf(found);
  const vertices = faces.map((face) => face.vertices());
  const placements =
    plan.frame === 'metric'
      ? metricPlacements(
          vertices.map((dense, index) => ({ vertices: dense, landmarks: landmarks[index] })),
          plan.interocularMm,
        )
      : undefined;
  const needsTexture = plan.hasTexture && plan.kinds.some((kind) => kind !== 'ply');
  return faces.map((face, index) => {
    const dense = vertices[index];
    const placement: MetricPlacement | undefined = placements?.[index];
    const { triangles, uvTriangles, uvs } = closedMaps;
    const positions = placement === undefined ? toPhotoFrame(dense, image.height) : toMetricFrame(dense, placement);
    return {
      face,
      scale: placement?.scale ?? 1,
      mesh: {
        positions,
        triangles,
        uvs,
        ...(uvTriangles && { uvTriangles }),
        colours: vertexColours(image, dense),
        normals: vertexNormals(Float32Array.from(positions), triangles, { yAxis: 'up' }),
      },
      ...(needsTexture && {
        texture: opaquePng(extractUvTexture(image, dense, maps, { size: textureSizeFor(face), ...plan.texture })),
      }),
    };
  });
}

function textureSizeFor({ aligned: { roiBox } }: FoundFace): number {
  const { least, most } = MESH_TEXTURE_SIZES;
  // A face takes up some two thirds of its crop.
  const extent = (Math.max(roiBox.xMax - roiBox.xMin, roiBox.yMax - roiBox.yMin) * 2) / 3;
  return Math.min(most, Math.max(least, 2 ** Math.ceil(Math.log2(extent))));
}

function* filesOfKind(
  kind: string,
  found: FoundFaces,
  group: readonly PlacedFace[],
  plan: MeshPlan,
  stem: string,
): Generator<OutputFile> {
  const meshes = group.map(({ mesh }) => mesh);
  if (kind === 'ply') {
    yield { name: `${stem}.ply`, bytes: writePly(meshes, { format: plan.plyFormat }) };
  } else if (kind === 'glb') {
    const model = found.model();
    const bytes = writeGlb(
      group.map(({ face, mesh, scale, texture }) => ({
        mesh,
        expression: expressionTargets(mesh.positions, face.aligned, model, scale),
        ...(texture && { texture }),
      })),
      { unitScale: plan.frame === 'metric' ? METRES_PER_MM : 1 },
    );
    yield { name: `${stem}.glb`, bytes };
  } else if (plan.hasTexture) {
    // Many readers end a name at a space.
    const plainStem = stem.replace(/\s+/g, '_');
    const textures = group.map((_, index) => `${plainStem}.texture${group.length === 1 ? '' : `-${index + 1}`}.png`);
    const material = { file: `${plainStem}.mtl`, textures };
    for (const [index, { texture }] of group.entries()) {
      if (texture !== undefined) yield { name: textures[index], bytes: texture };
    }
    yield { name: material.file, bytes: writeMtl(material) };
    yield { name: `${stem}.obj`, bytes: writeObj(meshes, { material }) };
  } else {
    yield { name: `${stem}.obj`, bytes: writeObj(meshes) };
  }
}

/** PNG without alpha: a third less to write and to read. */
function opaquePng({ data, width, height }: UvTexture): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0, j = 0; j < rgb.length; i += 4, j += 3) {
    rgb[j] = data[i];
    rgb[j + 1] = data[i + 1];
    rgb[j + 2] = data[i + 2];
  }
  return encodePng({ data: rgb, width, height });
}
