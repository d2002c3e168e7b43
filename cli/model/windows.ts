/** What a model gives and decides on texts, a window at a time. */
import type { Text } from '../../analysis/eval/evaluate.ts'
import { windowsOf } from '../../analysis/eval/windows.ts'
import type { FileData } from '../../runtime/checkpoint/encode.ts'
import { sequenceShape } from '../../plan/text-ports.ts'
import type { RoutedLayer } from '../../runtime/routing/record.ts'
import { choicesOf } from '../../runtime/routing/tensors.ts'
import type { Loaded } from './open.ts'
import { textPorts } from './ports.ts'

export interface WindowRequest {
  readonly texts: readonly Text[]
  /** Most tokens of a window; windows do not overlap. */
  readonly context: number
  /** Called after each window with the tokens that are done. */
  readonly onProgress: (done: number) => void
}

/** The outputs of a run, by name, and what its routers chose. */
export interface WindowResult {
  readonly outputs: Readonly<Record<string, FileData>>
  readonly layers: readonly RoutedLayer[]
}

/** In the order of the texts. The model is lowered with its routes. */
export async function* windowResults(
  { compiled, run }: Loaded,
  { texts, context, onProgress }: WindowRequest,
): AsyncGenerator<WindowResult> {
  const ports = textPorts(compiled.plan)
  let done = 0
  for (const { tokens } of texts)
    for (const { start, end } of windowsOf(tokens.length, context, context)) {
      const data = tokens.slice(start, end)
      const outputs = await run({ [ports.tokens.name]: { shape: sequenceShape(ports, data.length), data } })
      yield { outputs, layers: choicesOf(compiled.graph?.routes ?? [], outputs).layers }
      onProgress((done += end - start))
    }
}
