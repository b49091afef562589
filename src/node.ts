/** Entry for Node: all of the platform-neutral surface, and files. */

export { fileWeights } from './engine/weights/file-source.ts';
export { type DecodeImageOptions, decodeImage, MAX_IMAGE_PIXELS } from './image-files/decode-image.ts';
export { readImage } from './image-files/read-image.ts';
export { encodePng, writeImage } from './image-files/write-image.ts';
export * from './index.ts';
export {
  findImageSequence,
  type ReadImageSequenceOptions,
  readImageSequence,
  writeImageSequence,
} from './video-files/image-sequence.ts';
export { type ReadVideoOptions, readVideo, type VideoSource } from './video-files/read-video.ts';
export type { FrameRange, FrameSink, FrameSource, VideoFrame } from './video-files/video-frame.ts';
export { type WriteVideoOptions, writeVideo } from './video-files/write-video.ts';
