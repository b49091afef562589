/** One line of a text file. */
export interface TextLine {
  /** Without its separator. */
  readonly text: string;
  /** Where the next line begins, bytes from the start. */
  readonly end: number;
  /** Whether its separator was there: false for a last line that may be unfinished. */
  readonly isWhole: boolean;
}

/** How {@link splitLines} splits. */
export interface SplitLinesOptions {
  /** The byte between lines; default: a line feed. */
  readonly separator?: number;
  /** Maximum length of a line. Default 64 MiB. */
  readonly maxLineBytes?: number;
}

export const SPLIT_LINES_DEFAULTS: Required<SplitLinesOptions> = { separator: 0x0a, maxLineBytes: 2 ** 26 };

/**
 * Splits bytes into lines as they arrive: a complete line is not held back until the next one.
 * @param chunks - UTF-8, cut anywhere, such as a Node stream.
 * @throws RangeError for a line beyond `maxLineBytes`.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array | string>,
  options: SplitLinesOptions = {},
): AsyncGenerator<TextLine> {
  const { separator, maxLineBytes } = { ...SPLIT_LINES_DEFAULTS, ...options };
  /** The parts of a line whose end has not arrived yet. */
  let parts: Buffer[] = [];
  let partBytes = 0;
  let end = 0;
  const take = (part: Buffer, separatorBytes: number): TextLine => {
    const line = parts.length === 0 ? part : Buffer.concat([...parts, part]);
    parts = [];
    partBytes = 0;
    end += line.length + separatorBytes;
    return { text: line.toString('utf8'), end, isWhole: separatorBytes > 0 };
  };
  for await (const chunk of chunks) {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    let start = 0;
    for (let at = bytes.indexOf(separator); at >= 0; at = bytes.indexOf(separator, start)) {
      checkLength(partBytes + at - start, maxLineBytes);
      yield take(bytes.subarray(start, at), 1);
      start = at + 1;
    }
    if (start === bytes.length) continue;
    partBytes += bytes.length - start;
    checkLength(partBytes, maxLineBytes);
    // A copy, because the rest of the chunk is no longer needed.
    parts.push(Buffer.from(bytes.subarray(start)));
  }
  if (parts.length > 0) yield take(Buffer.alloc(0), 0);
}

function checkLength(bytes: number, maxLineBytes: number): void {
  if (bytes > maxLineBytes) throw new RangeError(`a line is longer than ${maxLineBytes} bytes`);
}
