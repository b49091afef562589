import { type Command, Option } from 'commander';
import { type FaceMesh, type FaceMeshesOptions, faceMeshes } from '../geometry/face-mesh.ts';
import { writeGlb } from '../geometry/glb.ts';
import { DEFAULT_INTEROCULAR_MM, METRES_PER_MM, toPhotoFrame } from '../geometry/mesh.ts';
import { writeMtl, writeObj, writeUpstreamObj } from '../geometry/obj.ts';
import type { Compatibility } from '../geometry/picture.ts';
import { writePly } from '../geometry/ply.ts';
import { requireFaceMaps } from '../geometry/required-parts.ts';
import { encodeOpaquePng } from '../image-files/write-image.ts';
import type { FoundFace } from '../results/found-face.ts';
import { usageError } from './cli-error.ts';
import type { FoundFaces, OutputFile } from './found-faces.ts';
import { MESH_KINDS, type MeshKind, type PictureFlags, parseKinds, textureOptions } from './picture-files.ts';

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

/** What to write, and how. */
export interface MeshPlan {
  readonly kinds: readonly MeshKind[];
  readonly options: FaceMeshesOptions;
  readonly plyFormat: 'binary' | 'ascii';
  readonly isSeparate: boolean;
  readonly compatibility: Compatibility;
}

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
    .option('--no-texture', 'colour the vertices of glb and obj files instead of texturing them')
    .addOption(new Option('--ply-format <kind>', 'format of ply files').choices(['binary', 'ascii']).default('binary'))
    .option('--separate', 'write one mesh file per face instead of one per photo');
}

/** @throws CliError with exit status 2 for invalid flags. */
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
  const { mouth, ...texture } = textureOptions(flags);
  const hasTexture = flags.texture && kinds.some((kind) => kind !== 'ply');
  return {
    kinds,
    options: {
      ...{ frame, interocularMm, texture: hasTexture && texture, expression: kinds.includes('glb') },
      ...(mouth !== undefined && { mouth }),
    },
    plyFormat: flags.plyFormat,
    isSeparate: flags.separate === true,
    compatibility,
  };
}

/**
 * Start of the names of a mesh's material file and textures. Importers read them from lines of text, where many end a
 * name at a space, a hash starts a comment and a hyphen an option; importers in web pages turn them into URLs.
 */
export function materialStem(stem: string): string {
  return stem.replace(/\s+|[#?%]|^-/gu, '_');
}

/** A face ready for any file format. */
interface PlacedFace extends Omit<FaceMesh, 'texture'> {
  /** Bytes of a PNG file; absent without textures. */
  readonly texture?: Uint8Array;
}

/**
 * The meshes of a photo as files, one by one; none if there is no face.
 * @param stem - start of their file names.
 */
export function* meshFiles(found: FoundFaces, plan: MeshPlan, stem: string): Generator<OutputFile> {
  if (plan.kinds.length === 0 || found.faces.length === 0) return;
  const isUpstream = (kind: MeshKind): boolean => plan.compatibility === 'upstream' && kind !== 'glb';
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
          group.map((index) => placed[index]),
          plan,
          name,
        );
      }
    }
  }
}

function upstreamFile(kind: MeshKind, found: FoundFaces, group: readonly FoundFace[], stem: string): OutputFile {
  const { triangles } = requireFaceMaps(found.source);
  const faces = group.map(({ vertices }) => vertices);
  if (kind === 'obj') return { name: `${stem}.obj`, bytes: writeUpstreamObj(found.image, faces, triangles) };
  const { height } = found.image;
  const meshes = faces.map((vertices) => ({ positions: toPhotoFrame(vertices, height), triangles }));
  return { name: `${stem}.ply`, bytes: writePly(meshes, { compatibility: 'upstream' }) };
}

function placeFaces({ image, faces, source }: FoundFaces, { options }: MeshPlan): PlacedFace[] {
  const aligned = faces.map((face) => face.aligned);
  return faceMeshes(image, aligned, source, options).map(({ texture, ...rest }) => ({
    ...rest,
    ...(texture && { texture: encodeOpaquePng(texture) }),
  }));
}

function* filesOfKind(
  kind: MeshKind,
  group: readonly PlacedFace[],
  { options, plyFormat }: MeshPlan,
  stem: string,
): Generator<OutputFile> {
  const meshes = group.map(({ mesh }) => mesh);
  if (kind === 'ply') {
    yield { name: `${stem}.ply`, bytes: writePly(meshes, { format: plyFormat }) };
  } else if (kind === 'glb') {
    yield {
      name: `${stem}.glb`,
      bytes: writeGlb(group, { unitScale: options.frame === 'metric' ? METRES_PER_MM : 1 }),
    };
  } else if (options.texture !== false) {
    const plainStem = materialStem(stem);
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
