import type { LayersArtifact } from '../../src/engine/layers-artifact.ts';

/** A network converted from a checkpoint, and what was recognised. */
export type ConvertedNetwork =
  | {
      readonly architecture: 'mobilenet-v1' | 'mobilenet-v3-small' | 'mobilenet-v3-large';
      /** Channels relative to the paper's network, e.g. 1 or 0.5. */
      readonly widthMultiplier: number;
      /** 62, 72 or 141 parameters. */
      readonly outputCount: number;
      /** Size of a second output: expressions and gaze, for a model with `acting`. */
      readonly actingOutputCount?: number;
      readonly artifact: LayersArtifact;
    }
  | { readonly architecture: 'resnet22'; readonly outputCount: number; readonly artifact: LayersArtifact }
  | { readonly architecture: 'faceboxes'; readonly artifact: LayersArtifact };
