/** Closed border loops of a mesh of quads, each walked with the surface on its left. */
export function borderLoops(quads: ArrayLike<number>): number[][] {
  const directed = new Set<string>();
  for (let q = 0; q < quads.length; q += 4) {
    for (let k = 0; k < 4; k++) directed.add(`${quads[q + k]},${quads[q + ((k + 1) % 4)]}`);
  }
  const next = new Map<number, number>();
  for (const edge of directed) {
    const [a, b] = edge.split(',').map(Number);
    if (!directed.has(`${b},${a}`)) next.set(a, b);
  }
  const loops: number[][] = [];
  while (next.size > 0) {
    const [start] = next.keys();
    const loop: number[] = [];
    for (let at: number | undefined = start; at !== undefined && next.has(at); ) {
      loop.push(at);
      const following = next.get(at);
      next.delete(at);
      at = following;
    }
    loops.push(loop);
  }
  return loops;
}
