/**
 * Lets the event loop turn once: due timers fire, and I/O is processed. Promises alone do not do this: a program that
 * awaits one synchronous call after another would block everything else until the last of them.
 *
 * Callers that wait at the same time get one turn each, one after another. Costs 2 µs in Node 20.
 */
export function eventLoopTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => new Promise(scheduleTurn));
  return lastTurn;
}

let lastTurn = Promise.resolve();
let channelTurn: ((callback: () => void) => void) | undefined;

function scheduleTurn(callback: () => void): void {
  const { setImmediate } = globalThis;
  if (typeof setImmediate === 'function') {
    setImmediate(callback);
    return;
  }
  channelTurn ??= createChannelTurn();
  channelTurn(callback);
}

/** In browsers a timer would take 4 ms. */
function createChannelTurn(): (callback: () => void) => void {
  const { port1, port2 } = new MessageChannel();
  const callbacks: (() => void)[] = [];
  port1.onmessage = () => callbacks.shift()?.();
  return (callback) => {
    callbacks.push(callback);
    port2.postMessage(undefined);
  };
}
