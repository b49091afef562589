/**
 * Gives an object the method that `using` calls, if the engine has its symbol (Node 20.5, Chromium 134) or a polyfill
 * has added it.
 * @returns the same object.
 */
export function withDispose<Value extends object>(object: Value, dispose: () => void): Value & Disposable {
  const method = Symbol.dispose === undefined ? {} : { [Symbol.dispose]: dispose };
  return Object.assign(object, method) as Value & Disposable;
}

/** The same for both `await using` and `using`. */
export function withAsyncDispose<Value extends object>(
  object: Value,
  dispose: () => Promise<void>,
): Value & Disposable & { [Symbol.asyncDispose](): Promise<void> } {
  const method = Symbol.asyncDispose === undefined ? {} : { [Symbol.asyncDispose]: dispose };
  return Object.assign(
    withDispose(object, () => void dispose()),
    method,
  ) as Value & Disposable & { [Symbol.asyncDispose](): Promise<void> };
}
