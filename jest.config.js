import { CONSTANT_GLOBALS } from './test/support/constant-globals.js';

/** Tests are TypeScript ES modules; swc strips the types. See CONTRIBUTING.md for how to run one. */
export default {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // They have their own scripts.
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/browser/', '<rootDir>/test/packed/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '\\.ts$': [
      '<rootDir>/test/support/typescript-transformer.js',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'es6' } },
    ],
  },
  // For CommonJS packages; the transformer does the same for modules.
  sandboxInjectedGlobals: CONSTANT_GLOBALS,
  setupFiles: ['<rootDir>/test/support/relaxed-simd.ts'],
  // A limit for hangs, not for slowness: the machine may be busy.
  testTimeout: 300_000,
  maxWorkers: 2,
  // A worker that has finished its tests needs some CPU time to exit: on a busy machine Jest's half a second is too short, and the
  // warning is meant for workers that never exit.
  workerGracefulExitTimeout: 30_000,
  reporters: ['default', '<rootDir>/test/support/skipped-reporter.js'],
};
