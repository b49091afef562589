import { CONSTANT_GLOBALS } from './test/support/constant-globals.js';

/** Tests are TypeScript ES modules; swc strips the types. See CONTRIBUTING.md for how to run one. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // They have a script of their own.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/', '<rootDir>/test/packed/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '<rootDir>/test/support/typescript-transformer.js',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
  // For packages of CommonJS; the transformer does the same for modules.
  sandboxInjectedGlobals: CONSTANT_GLOBALS,
  setupFiles: ['<rootDir>/test/support/relaxed-simd.ts'],
  // A limit for what hangs, not for what is slow: the machine may be busy.
  testTimeout: 300_000,
  maxWorkers: 2,
  // A worker that has ended its tests needs a moment of the processor to exit: Jest's half a second is not there on a busy machine,
  // and the warning is for one that never would.
  workerGracefulExitTimeout: 30_000,
  reporters: ['default', '<rootDir>/test/support/skipped-reporter.js'],
};
