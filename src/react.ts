/// <reference lib="dom" preserve="true" />
/** Entry point for React, a peer dependency: the faces in a video element. */

export { type FacesOfVideo, type UseFacesOptions, useFaces } from './react/use-faces.ts';
