/** The text of the worker's script as a single file; the build generates it from `aligner-worker.ts`. */
export declare const alignerWorkerSource: string;
