/// <reference lib="dom" preserve="true" />
/** Entry for pages that show a face by an element: `<tddfa-face src="portrait.jpg">`. */

export { defineFaceElement, type FaceElementOptions, type FaceLoadDetail } from './element/define-face-element.ts';
