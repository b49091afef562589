/**
 * Globals that hot loops use, for jest.config.js. Jest runs tests in a context of Node's `vm`, whose global object asks C++ for every
 * name: `Math.min` takes 160 ns there, and 3 ns by a constant of the module. No test replaces these.
 */
export const CONSTANT_GLOBALS = [
  ...['Math', 'Number', 'Object', 'Array', 'ArrayBuffer', 'DataView'],
  ...['Float32Array', 'Float64Array', 'Int8Array', 'Int16Array', 'Int32Array'],
  ...['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Uint32Array'],
];
