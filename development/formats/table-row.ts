import type { Variant } from './variant.ts';

/** The first two cells of a variant's row in docs/formats.md. */
export function rowBeginning({ container, feature }: Variant): string {
  return `| ${container} | ${feature} |`;
}
