import { createReadStream, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TddfaError } from '../errors.ts';
import { openLineFile } from '../files/line-file.ts';
import { removeLeftovers, temporaryName } from '../files/temporary-name.ts';
import { beginWork } from '../files/unfinished-work.ts';
import { writeFailure } from '../files/write-file-atomically.ts';
import { packageVersion } from '../package-files.ts';
import { cocoAnnotation, cocoCategory, cocoImage } from '../results/coco-document.ts';
import type { PictureResult } from '../results/result-line.ts';

/** A COCO document that grows with the results. */
export interface CocoFile {
  write(result: PictureResult): Promise<void>;
  /** Completes the document under its name. */
  finish(): Promise<void>;
  /** Gives up and removes the unfinished document. */
  abort(): Promise<void>;
}

/**
 * Opens a COCO document: pictures that could be read, and their faces. Its two lists grow on disk, under temporary
 * names, so that memory use does not grow with them.
 * @throws TddfaError, like each of its functions, if it cannot be written.
 */
export async function openCocoFile(path: string): Promise<CocoFile> {
  await removeLeftovers(dirname(path));
  const temporary = temporaryName(path);
  const temporaryFaces = temporaryName(path);
  const remove = (): void => {
    rmSync(temporary, { force: true });
    rmSync(temporaryFaces, { force: true });
  };
  const endWork = beginWork(remove);
  const images = await openLineFile(temporary, 0, path);
  const faces = await openLineFile(temporaryFaces, 0, path);
  let imageCount = 0;
  let faceCount = 0;
  const entryOf = (entry: object, count: number): string => `${count === 1 ? '' : ','}${JSON.stringify(entry)}\n`;

  async function abort(): Promise<void> {
    await images.close();
    await faces.close();
    remove();
    endWork();
  }

  await images.append(`{"info":${JSON.stringify({ description: `tddfa ${packageVersion()}` })},"images":[\n`);
  return {
    abort,
    async write(result) {
      if ('error' in result) return;
      imageCount++;
      await images.append(entryOf(cocoImage(imageCount, result), imageCount));
      for (const face of result.faces) {
        faceCount++;
        await faces.append(entryOf(cocoAnnotation(faceCount, imageCount, face), faceCount));
      }
    },
    async finish() {
      await images.append(`],"categories":[${JSON.stringify(cocoCategory())}],"annotations":[\n`);
      for await (const chunk of createReadStream(temporaryFaces)) await images.append(chunk);
      await images.append(']}\n');
      await images.close();
      try {
        await rename(temporary, path);
      } catch (cause) {
        throw new TddfaError(`cannot write ${path}: ${writeFailure(cause)}`, { cause });
      } finally {
        await abort();
      }
    },
  };
}
