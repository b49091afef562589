import swc from '@swc/jest';
import { CONSTANT_GLOBALS } from './constant-globals.js';

/** @swc/jest, with constants for the globals that a module uses, placed on its first line, so that line numbers stay the same. */
export function createTransformer(options) {
  const transformer = swc.createTransformer(options);
  return {
    ...transformer,
    process: (source, ...rest) => transformer.process(withConstants(source), ...rest),
    processAsync: (source, ...rest) => transformer.processAsync(withConstants(source), ...rest),
    getCacheKey: (source, ...rest) => transformer.getCacheKey(withConstants(source), ...rest),
  };
}

function withConstants(source) {
  const words = new Set(source.match(/\b[A-Z]\w+/g));
  const names = CONSTANT_GLOBALS.filter((name) => words.has(name));
  // Nothing may precede a line that names an interpreter.
  if (names.length === 0 || source.startsWith('#!')) return source;
  return `const { ${names.join(', ')} } = globalThis; ${source}`;
}
