/// <reference lib="dom" preserve="true" />
/** Entry point for pages that show a face with an element: `<tddfa-face src="portrait.jpg">`. */

export { defineFaceElement, type FaceElementOptions, type FaceLoadDetail } from './element/define-face-element.ts';
