import { fileURLToPath } from 'node:url';

/** webpack 5 finds the worker and tfjs's lazy parts by itself: tddfa needs no settings. */
export default {
  mode: 'production',
  context: fileURLToPath(new URL('.', import.meta.url)),
  entry: './main.js',
  output: {
    path: fileURLToPath(new URL('dist', import.meta.url)),
    filename: '[name].js',
    chunkFilename: '[id].js',
    module: true,
  },
  experiments: { outputModule: true },
  // tfjs's chunks are large, and fetched only on demand.
  performance: { hints: false },
};
