/** Tests of the package as users get it, packed and installed into empty folders: `npm run test:packed`. */
import base from './jest.config.js';

export default {
  ...base,
  testMatch: ['<rootDir>/test/packed/**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/'],
  globalSetup: '<rootDir>/test/support/pack-package.js',
  maxWorkers: 2,
};
