/// <reference lib="dom" preserve="true" />
/** Entry for React, which is a peer dependency: the faces of a video element. */

export { type FacesOfVideo, type UseFacesOptions, useFaces } from './react/use-faces.ts';
