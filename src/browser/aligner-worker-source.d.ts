/** The text of the worker's script as one file, which the build makes of `aligner-worker.ts`. */
export declare const alignerWorkerSource: string;
