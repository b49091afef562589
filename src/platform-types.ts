/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Platform types that our declarations use. A program compiled with neither the DOM's nor Node's types gets them as
 * empty types, so that it still type-checks; everywhere else they add nothing. The browser entry includes the DOM's
 * types instead.
 */
declare global {
  interface AbortSignal {}
  interface Blob {}
  interface File {}
  interface Response {}
  interface URL {}
}

export {};
