import { writeFileSync } from 'node:fs';

/** Writes a typed array as a NumPy file (format 1.0, C order). */
export function writeNpy(file: string, data: Float32Array | Uint32Array, shape: readonly number[]): void {
  if (shape.reduce((product, size) => product * size, 1) !== data.length) {
    throw new RangeError(`shape [${shape.join(', ')}] does not match ${data.length} values`);
  }
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const kind = data instanceof Float32Array ? '<f4' : '<u4';
  const header = `{'descr': '${kind}', 'fortran_order': False, 'shape': (${dims}), }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const prefix = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  writeFileSync(
    file,
    Buffer.concat([prefix, Buffer.from(padded, 'latin1'), Buffer.from(data.buffer, data.byteOffset, data.byteLength)]),
  );
}
