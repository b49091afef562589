/** The text of the integer compiler as one module; the build generates it from `integer-compiler.ts`. */
export declare const integerCompilerSource: string;
