/**
 * What must be undone when the process is ended abruptly: files under a temporary name, child processes. Code that
 * starts such work registers how to undo it immediately, and unregisters it when the work is done.
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

/** Undoes all unfinished work, latest first. To be called just before the process ends. */
export function undoUnfinishedWork(): void {
  for (const undo of [...undos].reverse()) {
    try {
      undo();
    } catch {
      // The rest is still worth undoing.
    }
  }
  undos.clear();
}
