import { type Command, Option } from 'commander';
import { depthMap, drawDepth, toDepth16 } from '../geometry/depth.ts';
import { drawBoxes, drawLandmarks, drawPoints, drawPose } from '../geometry/draw.ts';
import { frontalFace } from '../geometry/face-tools.ts';
import { withClosedMouth } from '../geometry/mesh.ts';
import type { Background, Compatibility } from '../geometry/picture.ts';
import { drawPncc } from '../geometry/pncc.ts';
import { drawRender } from '../geometry/render.ts';
import { arrangeSheet, createSheet, type SheetOptions } from '../geometry/sheet.ts';
import { drawTextured } from '../geometry/textured.ts';
import { extractUvTexture, type UvTextureOptions } from '../geometry/uv-texture.ts';
import { encodeGrey16Png, encodePng } from '../image-files/write-image.ts';
import type { RgbaImage } from '../types.ts';
import { usageError } from './cli-error.ts';
import { type FoundFaces, landmarksOf, type OutputFile } from './found-faces.ts';

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

/** What is to be drawn, and how. */
export interface PicturePlan {
  readonly kinds: readonly string[];
  readonly isSheet: boolean;
  readonly options: { readonly background: Background; readonly compatibility: Compatibility };
  readonly texture: UvTextureOptions;
}

type Drawing = (found: FoundFaces, plan: PicturePlan) => RgbaImage | undefined;

const verticesOf = ({ faces }: FoundFaces): Float32Array[] => faces.map((face) => face.vertices());

/** The original puts the textures of all faces in one row. */
const sheetOf = (textures: readonly RgbaImage[], compatibility?: Compatibility): SheetOptions =>
  compatibility === 'upstream' ? { columns: textures.length } : {};

/** Longer side of a `--sheet`, px, at most: a picture to look at, whatever the photo. */
const MAX_SHEET_SIDE = 4096;

/** Side of a frontal portrait, px: the crop that the regressor saw. */
const FRONTAL_SIZE = 512;
const FRONTAL_TEXTURE: UvTextureOptions = { size: 512, hidden: 'mirror', fill: true };
const BLANK_SQUARE: RgbaImage = {
  data: new Uint8Array(FRONTAL_SIZE * FRONTAL_SIZE * 4),
  width: FRONTAL_SIZE,
  height: FRONTAL_SIZE,
};

/** Kinds of pictures by the names that `--draw` takes. */
const DRAWINGS: Readonly<Record<string, Drawing>> = {
  landmarks: (found, { options }) => drawLandmarks(found.image, landmarksOf(found), options),
  points: (found, { options }) => drawPoints(found.image, verticesOf(found), options),
  render: (found, { options }) => drawRender(found.image, verticesOf(found), found.maps(), options),
  depth: (found, { options }) => drawDepth(found.image, verticesOf(found), found.maps(), options),
  pncc: (found, { options }) => drawPncc(found.image, verticesOf(found), found.maps(), options),
  'uv-texture': (found, { texture }) => {
    const maps = found.maps();
    const textures = verticesOf(found).map((vertices) => extractUvTexture(found.image, vertices, maps, texture));
    return textures.length === 0 ? undefined : arrangeSheet(textures, sheetOf(textures, texture.compatibility));
  },
  frontal: (found, { texture }) => {
    const maps = found.maps();
    const closedMaps = withClosedMouth(maps);
    const model = found.model();
    const portraits = found.faces.map((face) => {
      const skin = extractUvTexture(found.image, face.vertices(), maps, {
        ...FRONTAL_TEXTURE,
        ...texture,
        compatibility: 'none',
      });
      const { xMin, yMin, xMax, yMax } = face.aligned.roiBox;
      const frontal = face.withParams(frontalFace(face.aligned, model).params);
      const scales = [FRONTAL_SIZE / (xMax - xMin), FRONTAL_SIZE / (yMax - yMin)] as const;
      const vertices = frontal.map((value, i) => {
        if (i % 3 === 0) return (value - xMin) * scales[0];
        return i % 3 === 1 ? (value - yMin) * scales[1] : value * scales[0];
      });
      return drawTextured(BLANK_SQUARE, [{ vertices, texture: skin }], closedMaps);
    });
    return portraits.length === 0 ? undefined : arrangeSheet(portraits);
  },
  pose: (found, { options }) => {
    const landmarks = landmarksOf(found);
    const faces = found.faces.map(({ aligned, pose }, index) => ({
      params: aligned.params,
      landmarks: landmarks[index],
      ...(options.compatibility === 'none' && {
        label: [
          `yaw ${pose.yawDegrees.toFixed(1)}°`,
          `pitch ${pose.pitchDegrees.toFixed(1)}°`,
          `roll ${pose.rollDegrees.toFixed(1)}°`,
        ].join('  '),
      }),
    }));
    return drawPose(found.image, faces, options);
  },
  boxes: ({ image, faces }, { options }) =>
    drawBoxes(
      image,
      faces.map(({ box }) => box),
      options,
    ),
};

/** Kinds that are pictures of faces alone: none where there is no face. */
const FACE_KINDS: readonly string[] = ['uv-texture', 'frontal'];

/** Kinds that are data more than pictures: a file of their own, never on a sheet. */
const DATA_FILES: Readonly<Record<string, (found: FoundFaces) => { ending: string; bytes: Uint8Array }>> = {
  'depth-16': (found) => {
    const map = depthMap(found.image, verticesOf(found), found.maps());
    return { ending: 'png', bytes: encodeGrey16Png({ ...map, data: toDepth16(map) }) };
  },
  'depth-float': (found) => {
    const { data } = depthMap(found.image, verticesOf(found), found.maps());
    return { ending: 'f32', bytes: new Uint8Array(data.buffer) };
  },
};

/** The original's names of its options, and shorter ones. */
export const DRAWING_ALIASES: Readonly<Record<string, string>> = {
  '2d_sparse': 'landmarks',
  '2d_dense': 'points',
  '3d': 'render',
  uv_tex: 'uv-texture',
  box: 'boxes',
};

const KINDS = [...Object.keys(DRAWINGS), ...Object.keys(DATA_FILES)];

/** Kinds of meshes by the names that `--mesh` takes. */
export const MESH_KINDS: readonly string[] = ['glb', 'obj', 'ply'];

/** The original has meshes among its pictures. */
const MESH_HINTS = Object.fromEntries(MESH_KINDS.map((kind) => [kind, `it is a mesh: --mesh ${kind}`]));

/** Adds the flags about pictures to a command. */
export function addPictureFlags(command: Command): Command {
  return command
    .option(
      '-d, --draw <kinds>',
      `pictures to write, comma-separated: ${KINDS.join(', ')}; the original's names do too`,
    )
    .option('--sheet', 'put the pictures of a photo on one labelled sheet instead of a file each')
    .addOption(
      new Option('--background <kind>', 'what pictures are drawn on').choices(['image', 'black']).default('image'),
    )
    .addOption(
      new Option('--compatibility <kind>', "upstream: the Python original's pictures and meshes to the pixel and byte")
        .choices(['none', 'upstream'])
        .default('none'),
    )
    .option(
      '--texture-size <texels>',
      'width and height of textures (default: 256 as a picture; on a mesh what fits the face, 256 to 1024)',
    )
    .addOption(
      new Option('--hidden <way>', 'skin that the photo does not show (default: leave-out; on a mesh: mirror)').choices(
        ['leave-out', 'mirror', 'keep'],
      ),
    )
    .addOption(
      new Option(
        '--mouth <way>',
        'between the lips: a skin with what the photo shows there, or nothing (default: closed)',
      ).choices(['closed', 'open']),
    );
}

/** @throws CliError with exit status 2 for kinds that are not there. */
export function planPictures(flags: PictureFlags, hasOut: boolean): PicturePlan {
  const { background, compatibility } = flags;
  return {
    kinds: parseKinds('--draw', flags.draw ?? (hasOut ? 'landmarks' : ''), KINDS, DRAWING_ALIASES, MESH_HINTS),
    isSheet: flags.sheet === true,
    options: { background, compatibility },
    texture: textureOptions(flags),
  };
}

/** What the flags say about textures; what they do not say is left to the one who asks. */
export function textureOptions(flags: PictureFlags): UvTextureOptions {
  const { textureSize, hidden, mouth, compatibility } = flags;
  const size = textureSize === undefined ? undefined : Number(textureSize);
  if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= 4096)) {
    throw usageError(`--texture-size: expected a whole number 1..4096, got '${textureSize}'`);
  }
  return {
    compatibility,
    ...(size !== undefined && { size }),
    ...(hidden !== undefined && { hidden }),
    ...(mouth !== undefined && { mouth }),
  };
}

/**
 * Splits a comma-separated list; every name once, aliases by their own names.
 * @param hints - what to say of names that are not known, instead of those that are.
 */
export function parseKinds(
  flag: string,
  list: string,
  known: readonly string[],
  aliases: Readonly<Record<string, string>> = {},
  hints: Readonly<Record<string, string>> = {},
): string[] {
  const kinds = list
    .split(',')
    .map((kind) => kind.trim())
    .filter((kind) => kind !== '')
    .map((kind) => (Object.hasOwn(aliases, kind) ? aliases[kind] : kind));
  const unknown = kinds.find((kind) => !known.includes(kind));
  if (unknown !== undefined) {
    throw usageError(`${flag}: there is no '${unknown}'; ${hints[unknown] ?? `choose from ${known.join(', ')}`}`);
  }
  return [...new Set(kinds)];
}

/**
 * The pictures of a photo as files, one by one.
 * @param stem - what their names begin with.
 */
export function* pictureFiles(found: FoundFaces, plan: PicturePlan, stem: string): Generator<OutputFile> {
  const onSheet = plan.isSheet ? drawnKinds(found, plan) : [];
  const sheet =
    onSheet.length === 0
      ? undefined
      : createSheet(onSheet.length, found.image, { labels: onSheet, maxSide: MAX_SHEET_SIDE });
  for (const kind of plan.kinds) {
    const data = DATA_FILES[kind]?.(found);
    if (data !== undefined) {
      yield { name: `${stem}.${kind}.${data.ending}`, bytes: data.bytes };
      continue;
    }
    const picture = DRAWINGS[kind]?.(found, plan);
    if (picture === undefined) continue;
    if (sheet !== undefined) sheet.add(picture);
    else yield { name: `${stem}.${kind}.png`, bytes: encodePng(picture) };
  }
  if (sheet !== undefined) yield { name: `${stem}.sheet.png`, bytes: encodePng(sheet.picture) };
}

/** Those of a plan's kinds that make a picture of this photo: skins need a face. */
function drawnKinds({ faces }: FoundFaces, { kinds }: PicturePlan): string[] {
  return kinds.filter((kind) => Object.hasOwn(DRAWINGS, kind) && (faces.length > 0 || !FACE_KINDS.includes(kind)));
}
