/** The text of the code that refines eyes and mouths, as one module; the build generates it from `face-refiner.ts`. */
export declare const faceRefinerSource: string;
