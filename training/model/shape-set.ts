import type { BlendshapeName } from './blendshape-names.ts';
import type { Field, ShapeMaker } from './shape-maker.ts';

/** Shapes by name, as they are added. One-sided ones are given for the person's left and mirrored. */
export class ShapeSet {
  readonly #maker: ShapeMaker;
  readonly #shapes = new Map<BlendshapeName, Field>();

  constructor(maker: ShapeMaker) {
    this.#maker = maker;
  }

  /** @throws Error if the shape does not exist yet. */
  get(name: BlendshapeName): Field {
    const field = this.#shapes.get(name);
    if (field === undefined) throw new Error(`blendshape ${name} does not exist yet`);
    return field;
  }

  /** @param name - without `Left` and `Right`. */
  pair(name: string, left: Field): void {
    this.#shapes.set(`${name}Left` as BlendshapeName, left);
    this.#shapes.set(`${name}Right` as BlendshapeName, this.#maker.mirrored(left));
  }

  /** A shape that is the same on both sides. */
  single(name: BlendshapeName, field: Field): void {
    this.#shapes.set(name, this.#maker.symmetric(field));
  }
}
