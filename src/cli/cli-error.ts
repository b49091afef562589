/** Exit statuses of the command. */
export const EXIT_STATUS = { success: 0, badInput: 1, badUsage: 2, interrupted: 130 } as const;

/** Ends a command with one line on stderr and an exit status. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly exitStatus: number;

  constructor(message: string, options?: ErrorOptions & { exitStatus?: number }) {
    super(message, options);
    this.exitStatus = options?.exitStatus ?? EXIT_STATUS.badInput;
  }
}

/** The command line itself is wrong: exit status 2. */
export function usageError(message: string): CliError {
  return new CliError(message, { exitStatus: EXIT_STATUS.badUsage });
}
