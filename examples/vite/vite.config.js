export default {
  // The worker fetches tfjs when one of its backends is asked for, and so is made of several files.
  worker: { format: 'es' },
  // The development server's own bundling of dependencies would lose the worker's script.
  optimizeDeps: { exclude: ['tddfa'] },
  // For the top-level await in main.js.
  build: { target: 'es2022' },
};
