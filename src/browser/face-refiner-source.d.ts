/** The text of the code that looks at eyes and mouths again, as one module, which the build makes of `face-refiner.ts`. */
export declare const faceRefinerSource: string;
