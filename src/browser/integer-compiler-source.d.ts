/** The text of the code for integers as one module, which the build makes of `integer-compiler.ts`. */
export declare const integerCompilerSource: string;
