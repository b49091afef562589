/** Script to run first in a page or worker: afterwards `wasmBytes()` gives the size of its WebAssembly memories, bytes. */
export const COUNT_WASM_MEMORY = `
  const { Memory } = WebAssembly;
  const memories = [];
  WebAssembly.Memory = function (descriptor) {
    const memory = new Memory(descriptor);
    memories.push(memory);
    return memory;
  };
  globalThis.wasmBytes = () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
`;

/** Module of a package worker whose memory is counted: it answers each message on the channel `memory` with its bytes. */
export const COUNTED_WORKER = `import '/count.js'; import '/bundle/aligner-worker.js';
const channel = new BroadcastChannel('memory');
channel.onmessage = () => channel.postMessage(wasmBytes());`;
