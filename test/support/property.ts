/**
 * fast-check with the same cases on every run, so that a test that passed keeps passing. `TDDFA_SEED=n` tries others.
 */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env.TDDFA_SEED ?? 1) });

export default fc;
