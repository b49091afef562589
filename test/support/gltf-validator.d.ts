/** The part of the Khronos validator that the tests use; the package has no types. */
declare module 'gltf-validator' {
  interface Issues {
    readonly numErrors: number;
    readonly numWarnings: number;
    readonly messages: readonly { readonly code: string; readonly message: string; readonly pointer?: string }[];
  }
  const validator: { validateBytes(bytes: Uint8Array): Promise<{ readonly issues: Issues }> };
  export default validator;
}
