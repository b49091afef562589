/**
 * What must be undone when the process is ended in a hurry: files under a temporary name, programs that run for it. Whoever
 * begins such work says how to undo it at once, and takes that back when it is done.
 */
const undos = new Set<() => void>();

/**
 * Remembers how to undo a piece of work.
 * @param undo - works synchronously.
 * @returns call it when the work is finished or undone; idempotent.
 */
export function beginWork(undo: () => void): () => void {
  const entry = (): void => undo();
  undos.add(entry);
  return () => void undos.delete(entry);
}

/** Undoes all unfinished work, the latest first. For the moment before the process ends. */
export function undoUnfinishedWork(): void {
  for (const undo of [...undos].reverse()) {
    try {
      undo();
    } catch {
      // The rest is worth undoing all the same.
    }
  }
  undos.clear();
}
