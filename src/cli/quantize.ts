import { type Command, Option } from 'commander';
import { quantizePack } from '../../converters/quantize-pack.ts';
import { writePack } from '../../converters/write-pack.ts';
import { PRECISIONS, type Precision } from '../engine/quantization.ts';
import { openPack } from '../engine/weights/open-pack.ts';
import { printable } from '../errors.ts';
import { readImage } from '../image-files/read-image.ts';
import type { RgbaImage } from '../types.ts';
import { findPack } from './find-pack.ts';
import { expandImagePath } from './input-images.ts';
import { packTable } from './pack-table.ts';
import { createProgress } from './progress.ts';
import type { Terminal } from './terminal.ts';

interface QuantizeFlags {
  readonly calibrate: string;
  readonly out: string;
  readonly only?: string;
  readonly precision: Precision;
}

const NOTES = `
Finds how large the numbers between a network's layers become with the given pictures, and stores that in the pack, so that
--precision int8 can compute with bytes. Weights stay as they are: float32 gives what it gave before. Pictures should be like
those that the pack is for, with faces of all sizes and poses, some hundred of them: with 64 faces errors grew by 2 %, with
400 by less than 1 %.

Examples:
  $ tddfa quantize packs/mine --calibrate pictures/ --out packs/mine-int8
  $ tddfa quantize packs/mine --calibrate pictures/ --out packs/mine --only mb1 --precision int8
`;

/** Registers `tddfa quantize`. */
export function registerQuantize(program: Command, terminal: Terminal): void {
  program
    .command('quantize')
    .description('give the networks of a pack the ranges that computing with bytes needs')
    .argument('<pack>', 'weight pack: a folder, a URL, or a name from tddfa weights list')
    .requiredOption('--calibrate <folder>', 'pictures to find the ranges with')
    .requiredOption('-o, --out <folder>', 'the pack to write; may be the same')
    .option('--only <networks>', 'networks to quantise, separated by commas (default: all)')
    .addOption(
      new Option('--precision <type>', 'what the pack is to compute with where nothing else is asked for')
        .choices(PRECISIONS)
        .default('int8'),
    )
    .addHelpText('after', NOTES)
    .action((pack: string, flags: QuantizeFlags) => quantize(pack, flags, terminal));
}

async function quantize(name: string, flags: QuantizeFlags, terminal: Terminal): Promise<void> {
  const { env, signal, stdout } = terminal;
  const pack = await openPack((await findPack(env, name, { flag: '<pack>' })).source, { signal });
  const paths = await expandImagePath(flags.calibrate);
  async function* pictures(): AsyncGenerator<RgbaImage> {
    for (const path of paths) {
      signal.throwIfAborted();
      yield await readImage(path);
    }
  }
  const progress = createProgress(terminal, 'items');
  try {
    const quantized = await quantizePack(pack, pictures, {
      ...(flags.only !== undefined && { only: flags.only.split(',').map((part) => part.trim()) }),
      precision: flags.precision,
      signal,
      onPicture: (network, done) => progress.update(network, done, 2 * paths.length),
    });
    const { manifest } = await writePack(flags.out, quantized, { signal });
    const written = manifest.models.filter(({ ranges }) => ranges !== undefined);
    stdout.write(
      `${printable(flags.out)}\n${packTable(written)
        .map((line) => `  ${line}\n`)
        .join('')}`,
    );
  } finally {
    progress.stop();
  }
}
