import { basename, dirname, normalize, resolve, sep } from 'node:path';
import * as v from 'valibot';
import type { FaceBox } from '../types.ts';
import { CliError } from './cli-error.ts';
import { readJsonFile } from './read-json-file.ts';

const boxSchema = v.object({
  xMin: v.number(),
  yMin: v.number(),
  xMax: v.number(),
  yMax: v.number(),
  score: v.optional(v.number(), 1),
});
const imagesSchema = v.object({
  images: v.array(v.object({ file: v.string(), faces: v.array(v.object({ box: boxSchema })) })),
});
const fileSchema = v.union([v.array(boxSchema), imagesSchema], 'expected boxes');

/** Boxes that replace the detector's. */
export interface GivenBoxes {
  /** @throws CliError when the file names pictures and this one is not among them. */
  boxesOf(imagePath: string): readonly FaceBox[];
}

/**
 * Reads the file of `--boxes`: either a list of boxes for every picture, or a document as written by `--json`. In a
 * document, boxes are found by the picture's path, as it is or relative to the file's folder, then by the end of its
 * path, and last by its file name if no two pictures share it.
 * @throws CliError with what is wrong with the file.
 */
export async function readGivenBoxes(path: string): Promise<GivenBoxes> {
  return parseGivenBoxes(path, await readJsonFile(path));
}

/** Like {@link readGivenBoxes}, from the content of the file. */
export function parseGivenBoxes(path: string, json: unknown): GivenBoxes {
  const result = v.safeParse(fileSchema, json);
  if (!result.success) {
    throw new CliError(
      `${path}: expected a list of {xMin, yMin, xMax, yMax, score?} with finite numbers, or a document written by --json`,
    );
  }
  const given = result.output;
  if (Array.isArray(given)) return { boxesOf: () => given };
  const { images } = given;
  return {
    boxesOf(imagePath) {
      const alike = images.filter(({ file }) => basename(file) === basename(imagePath));
      const image =
        images.find(({ file }) => file === imagePath) ??
        images.find(({ file }) => resolve(dirname(path), file) === resolve(imagePath)) ??
        onlyOne(alike.filter(({ file }) => endsWithPath(resolve(imagePath), file))) ??
        onlyOne(alike);
      if (image === undefined && alike.length > 1) {
        const files = alike.map(({ file }) => `'${file}'`).join(', ');
        throw new CliError(
          `${imagePath}: ${path} has boxes for ${alike.length} pictures with this name, ${files}, but none has this path`,
        );
      }
      if (image === undefined) throw new CliError(`${imagePath}: ${path} has no boxes for this picture`);
      return image.faces.map(({ box }) => box);
    },
  };
}

function onlyOne<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}

/** Whether a path ends in all the parts of another. */
function endsWithPath(path: string, ending: string): boolean {
  const parts = normalize(ending).split(sep);
  return parts.length > 1 && path.split(sep).slice(-parts.length).join(sep) === parts.join(sep);
}
