/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Names of the platform that our declarations use. A program whose compiler options have neither the DOM's nor Node's types gets
 * them as empty types, so that it can be checked all the same; everywhere else they add nothing to what is there. The entry for
 * browsers brings the DOM's types instead.
 */
declare global {
  interface AbortSignal {}
  interface Blob {}
  interface File {}
  interface Response {}
  interface URL {}
}

export {};
