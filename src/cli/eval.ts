import { basename, join } from 'node:path';
import type { Command } from 'commander';
import type { FaceAligner } from '../face-aligner.ts';
import { writeFileAtomically } from '../files/write-file-atomically.ts';
import { poseFromParams } from '../geometry/pose.ts';
import { readImage } from '../image-files/read-image.ts';
import {
  angleDifference,
  bestOverlap,
  type DetectedPicture,
  type DetectionSummary,
  mean,
  type NmeSummary,
  nmePercent,
  summariseDetection,
  summariseNme,
} from '../results/accuracy.ts';
import { accuracyPlot } from '../results/accuracy-plot.ts';
import type { AlignedFace, FaceBox, RgbaImage } from '../types.ts';
import { type AlignerFlags, addAlignerFlags, openAligner } from './aligner-flags.ts';
import { type AnnotatedFace, type AnnotatedPicture, readAnnotations } from './annotations.ts';
import { CliError } from './cli-error.ts';
import { parseShare } from './number-flags.ts';
import { checkJsonPath, nameWritten } from './output-paths.ts';
import { createProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

interface EvalFlags extends AlignerFlags {
  readonly data: string;
  readonly annotations: string;
  readonly minScore: number;
  readonly minOverlap: number;
  readonly json?: string;
  readonly plot?: string;
}

/** Scores from this one upwards form the precision-recall curve. */
const LOWEST_SCORE = 0.05;

/**
 * Overlap at which a box counts as finding a face that has landmarks but no marked box. It is measured against the
 * extent of the landmarks, which is only a part of any detector's box.
 */
const LANDMARK_OVERLAP = 0.3;

/** How a face was cropped before it was aligned. */
type CropKind = 'given' | 'detected';

interface FaceError {
  readonly image: string;
  readonly crop: CropKind;
  readonly nmePercent?: number;
  readonly yawDegrees?: number;
  /** Absolute errors in degrees. */
  readonly yawErrorDegrees?: number;
  readonly pitchErrorDegrees?: number;
  readonly rollErrorDegrees?: number;
}

interface PoseSummary {
  readonly faces: number;
  readonly yawErrorDegrees?: number;
  readonly pitchErrorDegrees?: number;
  readonly rollErrorDegrees?: number;
}

/** What `--json` writes. */
export interface EvalDocument {
  readonly regressor: string;
  readonly backend: string;
  readonly imageCount: number;
  /** By kind of crop; absent if there was none of that kind. */
  readonly landmarks: Partial<Record<CropKind, NmeSummary>>;
  /** Mean absolute errors by kind of crop. */
  readonly pose: Partial<Record<CropKind, PoseSummary>>;
  /** How many faces with landmarks the detector found, out of how many. */
  readonly aligned?: { readonly found: number; readonly faces: number };
  /** Over the pictures in which all faces have marked boxes. */
  readonly detection?: DetectionSummary;
  readonly faces: readonly FaceError[];
}

const NOTES = `
Annotations are a JSON list of pictures; their files are in the --data folder:
  {"image": "a.jpg", "landmarks": [[68 x], [68 y]], "roiBox": [l, t, r, b], "yawDegrees": 12}
  {"image": "group.jpg", "faces": [{"box": [l, t, r, b], "landmarks": [[x, y], …], "ignore": false}, …]}
Every entry of a face is optional. Landmarks are in px, in iBUG-68 order. Angles use this package's signs.
A face with a roiBox is aligned in exactly that crop (the AFLW2000-3D protocol) and again from the detector's box.

Examples:
  $ tddfa eval --data aflw2000 --annotations aflw2000/annotations.json
  $ tddfa eval --data photos --annotations marks.json --weights my-pack --json mine.json --plot mine.svg
`;

/** Registers `tddfa eval`. */
export function registerEval(program: Command, terminal: Terminal): void {
  addAlignerFlags(program.command('eval'))
    .description('measure the accuracy of weights on annotated images: landmark error by yaw, pose error, detection')
    .requiredOption('--data <folder>', 'folder with the images')
    .requiredOption('--annotations <file>', 'JSON file with the annotations')
    .option(
      '--min-score <number>',
      'ignore detections below this score, 0..1; average precision uses all',
      parseShare,
      0.5,
    )
    .option('--min-overlap <number>', 'intersection over union at which a box counts as a hit, 0..1', parseShare, 0.5)
    .option('-j, --json <file>', 'write all figures as JSON; - for stdout')
    .option('--plot <file>', 'write error and precision curves as SVG')
    .addHelpText('after', NOTES)
    .action((flags: EvalFlags) => evaluate(flags, terminal));
}

async function evaluate(flags: EvalFlags, terminal: Terminal): Promise<void> {
  const { minScore, minOverlap } = flags;
  checkJsonPath(flags.json);
  const pictures = await readAnnotations(flags.annotations);
  const aligner = await openAligner(flags, terminal);
  const progress = createProgress(terminal, 'items');
  const faces: FaceError[] = [];
  const detected: DetectedPicture[] = [];
  let found = 0;
  let wanted = 0;
  try {
    for (const [index, picture] of pictures.entries()) {
      terminal.signal.throwIfAborted();
      progress.update(basename(picture.image), index, pictures.length);
      const image = await readImage(join(flags.data, picture.image));
      faces.push(...(await errorsInGivenCrops(aligner, image, picture)));
      if (!aligner.hasDetector) continue;
      const boxes = await aligner.detect(image, { minScore: LOWEST_SCORE });
      const withLandmarks = picture.faces.filter(({ landmarks, ignore }) => landmarks !== undefined && !ignore);
      const errors = await errorsInDetectedBoxes(aligner, image, picture.image, withLandmarks, boxes, minScore);
      wanted += withLandmarks.length;
      found += errors.length;
      faces.push(...errors);
      if (picture.faces.every(({ boxIsMarked }) => boxIsMarked)) {
        detected.push({ boxes, faces: picture.faces.flatMap(({ box, ignore }) => (box ? [{ box, ignore }] : [])) });
      }
    }
  } finally {
    progress.stop();
    aligner.dispose();
  }
  const document: EvalDocument = {
    regressor: aligner.regressor,
    backend: aligner.backend,
    imageCount: pictures.length,
    landmarks: byCrop(faces, (some) => {
      const errors = some.flatMap(({ nmePercent: nme, yawDegrees }) =>
        nme === undefined ? [] : [{ nmePercent: nme, yawDegrees }],
      );
      return errors.length === 0 ? undefined : summariseNme(errors);
    }),
    pose: byCrop(faces, summarisePose),
    ...(wanted > 0 && { aligned: { found, faces: wanted } }),
    ...(detected.length > 0 && { detection: summariseDetection(detected, { minOverlap, minScore }) }),
    faces,
  };
  if (flags.plot !== undefined) {
    const errors = new Map(
      (['given', 'detected'] as const).flatMap((kind) => {
        const values = faces.flatMap(({ crop, nmePercent: nme }) => (crop === kind && nme !== undefined ? [nme] : []));
        return values.length === 0 ? [] : [[`${kind} crops`, values] as const];
      }),
    );
    await writeFileAtomically(flags.plot, accuracyPlot(errors, document.detection));
  }
  if (flags.json === '-') terminal.stdout.write(`${JSON.stringify(document)}\n`);
  else {
    if (flags.json !== undefined) await writeFileAtomically(flags.json, `${JSON.stringify(document)}\n`);
    terminal.stdout.write(describe(document));
  }
  nameWritten([flags.json, flags.plot], terminal, flags.json === '-');
}

async function errorsInGivenCrops(
  aligner: FaceAligner,
  image: RgbaImage,
  { image: name, faces }: AnnotatedPicture,
): Promise<FaceError[]> {
  const cropped = faces.filter(({ roiBox }) => roiBox !== undefined);
  const aligned = await aligner.alignCrops(
    image,
    cropped.flatMap(({ roiBox }) => (roiBox ? [roiBox] : [])),
  );
  return cropped.map((face, index) => errorOf(aligner, aligned[index], face, name, 'given'));
}

async function errorsInDetectedBoxes(
  aligner: FaceAligner,
  image: RgbaImage,
  name: string,
  faces: readonly AnnotatedFace[],
  boxes: readonly FaceBox[],
  minScore: number,
): Promise<FaceError[]> {
  const sure = boxes.filter(({ score }) => score >= minScore).map((box) => ({ box }));
  const pairs = faces.flatMap((face) => {
    const best = face.box && bestOverlap(face.box, sure);
    return best === undefined || best.overlap < LANDMARK_OVERLAP
      ? []
      : [{ face, box: (sure[best.index] as { box: FaceBox }).box }];
  });
  const aligned = await aligner.align(
    image,
    pairs.map(({ box }) => box),
  );
  return pairs.map(({ face }, index) => errorOf(aligner, aligned[index], face, name, 'detected'));
}

function errorOf(
  aligner: FaceAligner,
  aligned: AlignedFace,
  face: AnnotatedFace,
  image: string,
  crop: CropKind,
): FaceError {
  const pose = poseFromParams(aligned.params);
  const { landmarks, yawDegrees, pitchDegrees, rollDegrees } = face;
  return {
    image,
    crop,
    ...(landmarks && { nmePercent: nmePercent(aligner.reconstruct(aligned), landmarks) }),
    ...(yawDegrees !== undefined && { yawDegrees, yawErrorDegrees: angleDifference(pose.yawDegrees, yawDegrees) }),
    ...(pitchDegrees !== undefined && { pitchErrorDegrees: angleDifference(pose.pitchDegrees, pitchDegrees) }),
    ...(rollDegrees !== undefined && { rollErrorDegrees: angleDifference(pose.rollDegrees, rollDegrees) }),
  };
}

function byCrop<Summary>(
  faces: readonly FaceError[],
  summarise: (faces: readonly FaceError[]) => Summary | undefined,
): Partial<Record<CropKind, Summary>> {
  const result: Partial<Record<CropKind, Summary>> = {};
  for (const kind of ['given', 'detected'] as const) {
    const summary = summarise(faces.filter(({ crop }) => crop === kind));
    if (summary !== undefined) result[kind] = summary;
  }
  return result;
}

function summarisePose(faces: readonly FaceError[]): PoseSummary | undefined {
  const average = (key: 'yawErrorDegrees' | 'pitchErrorDegrees' | 'rollErrorDegrees'): number | undefined => {
    const values = faces.flatMap(({ [key]: value }) => (value === undefined ? [] : [value]));
    return values.length === 0 ? undefined : mean(values);
  };
  const yawErrorDegrees = average('yawErrorDegrees');
  const pitchErrorDegrees = average('pitchErrorDegrees');
  const rollErrorDegrees = average('rollErrorDegrees');
  if (yawErrorDegrees === undefined && pitchErrorDegrees === undefined && rollErrorDegrees === undefined)
    return undefined;
  return {
    faces: faces.length,
    ...(yawErrorDegrees !== undefined && { yawErrorDegrees }),
    ...(pitchErrorDegrees !== undefined && { pitchErrorDegrees }),
    ...(rollErrorDegrees !== undefined && { rollErrorDegrees }),
  };
}

/** The figures as a table. */
function describe({ regressor, backend, imageCount, landmarks, pose, aligned, detection }: EvalDocument): string {
  const lines = [`${regressor} on ${backend}, ${imageCount === 1 ? '1 image' : `${imageCount} images`}`];
  for (const [kind, summary] of Object.entries(landmarks)) {
    const bins = summary.bins.map(
      ({ fromDegrees, toDegrees, faces, meanPercent }) =>
        `${fromDegrees}-${toDegrees}\u00b0 ${meanPercent.toFixed(3)} (${faces})`,
    );
    const parts = [
      `mean ${summary.meanPercent.toFixed(3)} (${summary.faces})`,
      `median ${summary.medianPercent.toFixed(3)}`,
      ...bins,
      ...(summary.meanOfBinsPercent === undefined ? [] : [`mean of bins ${summary.meanOfBinsPercent.toFixed(3)}`]),
    ];
    lines.push(`NME %, ${kind} crops`.padEnd(30) + parts.join('  '));
  }
  for (const [kind, summary] of Object.entries(pose)) {
    const parts = (['yaw', 'pitch', 'roll'] as const).flatMap((angle) => {
      const value = summary[`${angle}ErrorDegrees`];
      return value === undefined ? [] : [`${angle} ${value.toFixed(2)}`];
    });
    lines.push(`pose error \u00b0, ${kind} crops`.padEnd(30) + parts.join('  '));
  }
  if (aligned !== undefined) {
    lines.push(`${'faces with landmarks found'.padEnd(30)}${aligned.found} of ${aligned.faces}`);
  }
  if (detection !== undefined) {
    const { averagePrecision, minOverlap, minScore, found, faces, precision, falseBoxesPerImage, meanOverlap } =
      detection;
    lines.push(
      `${`detection, overlap ${minOverlap}`.padEnd(30)}AP ${averagePrecision.toFixed(3)}; at score ${minScore}: ` +
        `${found} of ${faces} found, precision ${precision.toFixed(3)}, ` +
        `${falseBoxesPerImage.toFixed(2)} false boxes per image, mean overlap ${meanOverlap.toFixed(3)}`,
    );
  }
  if (lines.length === 1) throw new CliError('the annotations have no landmarks, angles or boxes to measure against');
  return `${lines.join('\n')}\n`;
}
