import type { NamedTensor, TensorData } from '../../converters/tensor.ts';

const TYPES: readonly [new (length: number) => TensorData, string][] = [
  [Float32Array, 'F32'],
  [Float64Array, 'F64'],
  [Int32Array, 'I32'],
  [BigInt64Array, 'I64'],
];

/** A `.safetensors` file of these tensors: the simplest format, for tests that need any weight file. */
export function safetensorsFile(tensors: ReadonlyMap<string, NamedTensor>): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let end = 0;
  for (const [name, { shape, data }] of tensors) {
    const dtype = TYPES.find(([ArrayType]) => data instanceof ArrayType)?.[1];
    if (dtype === undefined) throw new Error(`${name}: ${data.constructor.name} is not supported`);
    header[name] = { dtype, shape, data_offsets: [end, end + data.byteLength] };
    parts.push(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    end += data.byteLength;
  }
  const headerBytes = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(headerBytes.length));
  return Buffer.concat([length, headerBytes, ...parts]);
}
