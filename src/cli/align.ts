import { basename, extname, join } from 'node:path';
import type { Command } from 'commander';
import { WeightFormatError } from '../errors.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import { type AlignDocument, type AlignDocumentImage, describeFace } from '../results/align-document.ts';
import { type AlignerFlags, addAlignerFlags, loadAligner } from './aligner-flags.ts';
import { CliError } from './cli-error.ts';
import type { FoundFaces } from './found-faces.ts';
import { readGivenBoxes } from './given-boxes.ts';
import { expandImagePath } from './input-images.ts';
import { addMeshFlags, type MeshFlags, materialStem, meshFiles, planMeshes } from './mesh-files.ts';
import { parseShare } from './number-flags.ts';
import { originalMeaning } from './original-options.ts';
import { checkJsonPath, nameWritten } from './output-paths.ts';
import { alignPicture, ofImage, openPictureAligner } from './picture-aligner.ts';
import { addPictureFlags, type PictureFlags, pictureFiles, planPictures } from './picture-files.ts';
import { createProgress } from './progress.ts';
import { inputName, readInputImage } from './read-input-image.ts';
import { reportError } from './report-error.ts';
import { coloursFor, type Terminal } from './terminal.ts';

interface AlignFlags extends AlignerFlags, PictureFlags, MeshFlags {
  readonly boxes?: string;
  readonly json?: string;
  readonly out?: string;
  readonly minScore?: number;
}

const EXAMPLES = `
Examples:
  $ tddfa align portrait.jpg                          boxes and head pose, in words
  $ tddfa align portrait.jpg --json -                 everything, as JSON on stdout
  $ tddfa align photos/ --out drawn --draw landmarks,pose
  $ tddfa align portrait.jpg --draw render,depth,pncc --sheet --background black
  $ tddfa align portrait.jpg --mesh glb,obj           textured meshes for Blender and three.js
  $ tddfa align group.jpg --boxes boxes.json --json group.json
`;

/** Registers `tddfa align`. */
export function registerAlign(program: Command, terminal: Terminal): void {
  const command = addAlignerFlags(program.command('align'))
    .description('find the faces of photos: boxes, head pose, 3DMM parameters, 68 landmarks')
    .argument('<image...>', 'picture files (JPEG, PNG, BMP, GIF, TIFF) or folders of them; - is standard input')
    .option('--boxes <file>', 'use the boxes in this JSON file instead of detecting faces')
    .option('--min-score <number>', 'ignore detections below this score, 0..1 (default: 0.5)', parseShare)
    .option('-j, --json <file>', 'write a JSON document; - for stdout')
    .option(
      '-o, --out <folder>',
      "folder for pictures and meshes (default: the current folder); the original's -o 2d_sparse is --draw landmarks",
    );
  addMeshFlags(addPictureFlags(command))
    .addHelpText('after', EXAMPLES)
    .action((images: string[], flags: AlignFlags) => align(images, flags, terminal));
}

async function align(imageArguments: readonly string[], given: AlignFlags, terminal: Terminal): Promise<void> {
  checkJsonPath(given.json);
  const { out: _, ...others } = given;
  const meant = originalMeaning(given, true, terminal);
  const flags: AlignFlags = meant === undefined ? given : { ...others, ...meant };
  const meshPlan = planMeshes(flags);
  const picturePlan = planPictures(flags, flags.out !== undefined && meshPlan.kinds.length === 0);
  const detection = flags.minScore === undefined ? {} : { minScore: flags.minScore };
  const givenBoxes = flags.boxes === undefined ? undefined : await readGivenBoxes(flags.boxes);
  const wantsJsonOnStdout = flags.json === '-';

  let failureCount = 0;
  const fail = (error: unknown): void => {
    terminal.signal.throwIfAborted();
    failureCount++;
    reportError(error, terminal);
  };

  const paths: string[] = [];
  for (const argument of imageArguments) {
    try {
      paths.push(...(await expandImagePath(argument)));
    } catch (error) {
      fail(error);
    }
  }
  if (paths.length === 0) throw someFailed(failureCount);

  const aligner = await loadAligner(flags, terminal, (options) => openPictureAligner(options, 1));
  const names = outputNames(paths.map(inputName));
  const document: AlignDocument = { images: [] };
  const progress = createProgress(terminal, 'items');
  try {
    for (const [index, path] of paths.entries()) {
      terminal.signal.throwIfAborted();
      if (paths.length > 1) progress.update(basename(path), index, paths.length);
      try {
        const input = await readInputImage(path, terminal);
        const found = await alignPicture(aligner, input, { boxes: givenBoxes?.boxesOf(path), detection });
        const stem = names[index];
        const written: string[] = [];
        try {
          for (const files of [pictureFiles(found, picturePlan, stem), meshFiles(found, meshPlan, stem)]) {
            for (const { name, bytes } of files) {
              const file = join(flags.out ?? '.', name);
              await writeFileAtomically(file, bytes);
              written.push(file);
            }
          }
        } catch (error) {
          throw error instanceof WeightFormatError ? ofImage(path, error) : error;
        }
        const described = describeImage(found);
        document.images.push(described);
        progress.stop();
        if (!wantsJsonOnStdout) terminal.stdout.write(summarise(described, terminal));
        nameWritten(written, terminal, wantsJsonOnStdout);
      } catch (error) {
        progress.stop();
        fail(error);
      }
    }
  } finally {
    progress.stop();
    await aligner.dispose();
  }

  if (flags.json !== undefined && document.images.length > 0) {
    const text = `${JSON.stringify(document)}\n`;
    if (wantsJsonOnStdout) terminal.stdout.write(text);
    else {
      await writeFileAtomically(flags.json, text);
      nameWritten([flags.json], terminal);
    }
  }
  if (failureCount > 0) throw someFailed(failureCount);
}

/** Each failure has had its own line already. */
function someFailed(count: number): CliError {
  return new CliError(count === 1 ? '1 input failed' : `${count} inputs failed`);
}

/**
 * File names without ending; a second picture of the same name gets a number, so that nothing is written over. Names are the
 * same, too, that materials or some file systems do not tell apart.
 */
function outputNames(paths: readonly string[]): string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const stem = basename(path, extname(path));
    let name = stem;
    for (let number = 2; taken.has(materialStem(name).toLowerCase()); number++) name = `${stem}-${number}`;
    taken.add(materialStem(name).toLowerCase());
    return name;
  });
}

function describeImage({ path, image, faces }: FoundFaces): AlignDocumentImage {
  return {
    file: path,
    width: image.width,
    height: image.height,
    faces: faces.map(describeFace),
  };
}

function summarise({ file, width, height, faces }: AlignDocumentImage, terminal: Terminal): string {
  const colours = coloursFor(terminal.stdout, terminal.env);
  const count = faces.length === 1 ? '1 face' : `${faces.length || 'no'} faces`;
  const lines = faces.map(({ box, pose }, index) => {
    const corners = [box.xMin, box.yMin, box.xMax, box.yMax].map((side) => side.toFixed(0)).join(', ');
    const angles = `yaw ${degrees(pose.yawDegrees)}  pitch ${degrees(pose.pitchDegrees)}  roll ${degrees(pose.rollDegrees)}`;
    return `  ${index + 1}  score ${box.score.toFixed(3)}  ${angles}  box ${corners}\n`;
  });
  return `${colours.bold(file)}  ${width}x${height}  ${count}\n${lines.join('')}`;
}

function degrees(value: number): string {
  return `${value.toFixed(1)}\u00b0`.padStart(7);
}
