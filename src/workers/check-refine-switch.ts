import { describeValue } from '../check-arguments.ts';

/**
 * Checks the option `refine` of an aligner that runs elsewhere, where functions cannot be sent.
 * @throws TypeError
 */
export function checkRefineSwitch(refine: unknown): void {
  if (refine === undefined || typeof refine === 'boolean') return;
  throw new TypeError(
    `refine: expected true or false, as workers have the refiner's code, got ${describeValue(refine)}`,
  );
}
