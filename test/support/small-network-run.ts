/** Runs a small network on the compiled engine: in Node as a function, in a browser, bundled, as a global. */
import { createCompiledEngine, type EngineThreads } from '../../src/engine/compiled.ts';
import { LayersModelBuilder } from '../../src/engine/layers-model-builder.ts';

export interface SmallRun {
  readonly threads: EngineThreads | undefined;
  readonly output: number[];
  /** Name and message. */
  readonly error?: string;
}

export async function runSmallNetwork(threads: number): Promise<SmallRun> {
  try {
    const engine = await createCompiledEngine({ threads });
    const model = new LayersModelBuilder('small');
    const input = model.input('input', [null, null, 3]);
    const first = model.conv2d('first', model.zeroPadding2d('pad', input, 1), { filters: 9, kernelSize: 3, stride: 2 });
    const second = model.conv2d('second', model.relu('relu', first), { filters: 70, kernelSize: 1 });
    const { modelTopology, weightSpecs } = model.build([model.globalAveragePooling2d('pool', second)]);
    const count = weightSpecs.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const weightData = Float32Array.from({ length: count }, (_, i) => Math.sin(i * 3.7)).buffer;
    const network = await engine.loadNetwork({ modelTopology, weightSpecs, weightData });
    const picture = Float32Array.from({ length: 61 * 47 * 3 }, (_, i) => Math.cos(i * 0.3));
    let output: number[] = [];
    for (let i = 0; i < 3; i++) output = Array.from((await network.run(picture, [1, 47, 61, 3]))[0]?.data ?? []);
    const result = { threads: engine.threads, output };
    engine.dispose();
    return result;
  } catch (error) {
    return { threads: undefined, output: [], error: String(error) };
  }
}

Object.assign(globalThis, { runSmallNetwork });
