import { type Command, Option } from 'commander';
import { type DepthMap, depthMap, toDepth16 } from '../geometry/depth.ts';
import type { Background, Compatibility } from '../geometry/picture.ts';
import { requireFaceMaps } from '../geometry/required-parts.ts';
import { createSheet } from '../geometry/sheet.ts';
import type { UvTextureOptions } from '../geometry/uv-texture.ts';
import { encodeGrey16Png, encodePng } from '../image-files/write-image.ts';
import { DRAWING_KINDS, DRAWINGS, type Drawing, type DrawingKind, type DrawingOptions } from '../results/drawings.ts';
import { usageError } from './cli-error.ts';
import type { FoundFaces, OutputFile } from './found-faces.ts';

/** Flags about pictures. */
export interface PictureFlags {
  readonly draw?: string;
  readonly sheet?: boolean;
  readonly background: Background;
  readonly compatibility: Compatibility;
  readonly textureSize?: string;
  readonly hidden?: NonNullable<UvTextureOptions['hidden']>;
  readonly mouth?: NonNullable<UvTextureOptions['mouth']>;
}

/** What to draw, and how. */
export interface PicturePlan {
  readonly kinds: readonly PictureKind[];
  readonly isSheet: boolean;
  readonly options: DrawingOptions;
}

/** Maximum length of the longer side of a `--sheet`, px: for viewing, whatever the size of the photo. */
const MAX_SHEET_SIDE = 4096;

/** Kinds that are data rather than pictures: always in their own file, never on a sheet. */
const DATA_FILES = {
  'depth-16': (found: FoundFaces) => {
    const map = depthOf(found);
    return { ending: 'png', bytes: encodeGrey16Png({ ...map, data: toDepth16(map) }) };
  },
  'depth-float': (found: FoundFaces) => {
    const { data } = depthOf(found);
    return { ending: 'f32', bytes: new Uint8Array(data.buffer) };
  },
} as const;

type DataKind = keyof typeof DATA_FILES;
type PictureKind = DrawingKind | DataKind;

function depthOf({ image, faces, source }: FoundFaces): DepthMap {
  return depthMap(
    image,
    faces.map(({ vertices }) => vertices),
    requireFaceMaps(source),
  );
}

/** The original's option names, and shorter ones. */
export const DRAWING_ALIASES: Readonly<Record<string, DrawingKind>> = {
  '2d_sparse': 'landmarks',
  '2d_dense': 'points',
  '3d': 'render',
  uv_tex: 'uv-texture',
  box: 'boxes',
};

const KINDS: readonly PictureKind[] = [...DRAWING_KINDS, ...(Object.keys(DATA_FILES) as DataKind[])];

/** Kinds of meshes by the names that `--mesh` takes. */
export const MESH_KINDS = ['glb', 'obj', 'ply'] as const;

export type MeshKind = (typeof MESH_KINDS)[number];

/** The original lists meshes among its pictures. */
const MESH_HINTS = Object.fromEntries(MESH_KINDS.map((kind) => [kind, `it is a mesh: --mesh ${kind}`]));

/** Adds the flags about pictures to a command. */
export function addPictureFlags(command: Command): Command {
  return command
    .option(
      '-d, --draw <kinds>',
      `pictures to write, comma-separated: ${KINDS.join(', ')}; the original's names also work`,
    )
    .option('--sheet', 'put all pictures of a photo on one labelled sheet instead of in separate files')
    .addOption(new Option('--background <kind>', 'what to draw on').choices(['image', 'black']).default('image'))
    .addOption(
      new Option(
        '--compatibility <kind>',
        'upstream: the same pictures and meshes as the Python original, to the pixel and byte',
      )
        .choices(['none', 'upstream'])
        .default('none'),
    )
    .option(
      '--texture-size <texels>',
      'width and height of textures (default: 256 for a picture; 256 to 1024 for a mesh, depending on the size of the face)',
    )
    .addOption(
      new Option(
        '--hidden <way>',
        'what to do with skin that the photo does not show (default: leave-out; mirror for a mesh)',
      ).choices(['leave-out', 'mirror', 'keep']),
    )
    .addOption(
      new Option(
        '--mouth <way>',
        'closed: a surface from lip to lip, textured from the photo; open: a hole (default: closed)',
      ).choices(['closed', 'open']),
    );
}

/** @throws CliError with exit status 2 for unknown kinds. */
export function planPictures(flags: PictureFlags, hasOut: boolean): PicturePlan {
  const { background, compatibility } = flags;
  return {
    kinds: parseKinds('--draw', flags.draw ?? (hasOut ? 'landmarks' : ''), KINDS, DRAWING_ALIASES, MESH_HINTS),
    isSheet: flags.sheet === true,
    options: { background, compatibility, texture: textureOptions(flags) },
  };
}

/** The texture options set by the flags; the rest is left to the caller. */
export function textureOptions(flags: PictureFlags): UvTextureOptions {
  const { textureSize, hidden, mouth } = flags;
  const size = textureSize === undefined ? undefined : Number(textureSize);
  if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= 4096)) {
    throw usageError(`--texture-size: expected a whole number 1..4096, got '${textureSize}'`);
  }
  return {
    ...(size !== undefined && { size }),
    ...(hidden !== undefined && { hidden }),
    ...(mouth !== undefined && { mouth }),
  };
}

/**
 * Splits a comma-separated list; each name occurs once, with aliases resolved.
 * @param hints - messages for certain unknown names, instead of the list of known ones.
 */
export function parseKinds<Kind extends string>(
  flag: string,
  list: string,
  known: readonly Kind[],
  aliases: Readonly<Record<string, Kind>> = {},
  hints: Readonly<Record<string, string>> = {},
): Kind[] {
  const kinds = list
    .split(',')
    .map((kind) => kind.trim())
    .filter((kind) => kind !== '')
    .map((name) => {
      const kind = Object.hasOwn(aliases, name) ? aliases[name] : known.find((candidate) => candidate === name);
      if (kind !== undefined && known.includes(kind)) return kind;
      throw usageError(`${flag}: there is no '${name}'; ${hints[name] ?? `choose from ${known.join(', ')}`}`);
    });
  return [...new Set(kinds)];
}

/**
 * The pictures of a photo as files, one by one.
 * @param stem - start of their file names.
 */
export function* pictureFiles(
  found: FoundFaces,
  { kinds, isSheet, options }: PicturePlan,
  stem: string,
): Generator<OutputFile> {
  const { image, faces, source } = found;
  const onSheet = isSheet ? kinds.filter((kind) => isDrawn(kind, found)) : [];
  const sheet =
    onSheet.length === 0 ? undefined : createSheet(onSheet.length, image, { labels: onSheet, maxSide: MAX_SHEET_SIDE });
  for (const kind of kinds) {
    if (isData(kind)) {
      const { ending, bytes } = DATA_FILES[kind](found);
      yield { name: `${stem}.${kind}.${ending}`, bytes };
      continue;
    }
    const drawing: Drawing = DRAWINGS[kind];
    const picture = drawing.draw(image, faces, source, options);
    if (picture === undefined) continue;
    if (sheet !== undefined) sheet.add(picture);
    else yield { name: `${stem}.${kind}.png`, bytes: encodePng(picture) };
  }
  if (sheet !== undefined) yield { name: `${stem}.sheet.png`, bytes: encodePng(sheet.picture) };
}

function isData(kind: PictureKind): kind is DataKind {
  return Object.hasOwn(DATA_FILES, kind);
}

/** Whether a kind yields a picture of this photo: textures need a face. */
function isDrawn(kind: PictureKind, { faces }: FoundFaces): boolean {
  return !isData(kind) && (faces.length > 0 || DRAWINGS[kind].isOverlay);
}
