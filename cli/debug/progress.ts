/** Shows the passes and kernels that are compared on a progress line of stderr. */
import { createProgress, type Progress } from '../progress.ts'
import type { Terminal } from '../terminal.ts'
import type { Stage } from './stage.ts'
import type { OnProgress } from './stages.ts'

/** The stages of a graph, with the remaining time beside its name until they end. */
export async function* withProgress(
  name: string,
  terminal: Terminal,
  stages: (onProgress: OnProgress) => AsyncGenerator<Stage, void>,
): AsyncGenerator<Stage, void> {
  const shown: { progress: Progress | null } = { progress: null }
  try {
    yield* stages((done, total) => {
      shown.progress ??= createProgress(terminal, `debugging ${name}`, total)
      shown.progress.update(done)
    })
  } finally {
    shown.progress?.end()
  }
}
