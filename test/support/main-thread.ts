/** The Long Tasks API's threshold. Here it applies to CPU time, which other programs do not lengthen. */
export const LONG_TASK_MS = 50;

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Processor time, microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * CPU time of each task on the main threads of a site, ms.
 * @param trace - of the categories `toplevel` and `devtools.timeline`.
 */
export function mainThreadTasks(trace: Buffer, site: string): number[] {
  const { traceEvents } = JSON.parse(trace.toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const isMain = ({ name, args }: TraceEvent): boolean => name === 'thread_name' && args?.name === 'CrRendererMain';
  const main = new Set(traceEvents.filter(isMain).map(threadOf));
  // Chromium's own pages have processes too.
  const ours = new Set(
    traceEvents
      .filter((event) => main.has(threadOf(event)) && JSON.stringify(event.args ?? {}).includes(site))
      .map(threadOf),
  );
  return traceEvents
    .filter((event) => /RunTask$/.test(event.name) && event.tdur !== undefined && ours.has(threadOf(event)))
    .map(({ tdur }) => (tdur as number) / 1000);
}
