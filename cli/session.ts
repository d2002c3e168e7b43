/** Plans on a device, with the kernels that compile counted on the line of stderr that is drawn over. */
import type { Plan } from '../plan/plan.ts'
import type { Device } from '../runtime/device.ts'
import { createSession, type Session, type SessionOptions } from '../runtime/session.ts'
import { plural } from './output.ts'
import { createProgress, type Progress } from './progress.ts'
import type { Terminal } from './terminal.ts'

/** `compiling 12 of 34 kernels`, with the time that is left; for one plan after the other. */
export function compileProgress(terminal: Terminal, now?: () => number): NonNullable<SessionOptions['onCompile']> {
  let progress: Progress | null = null
  return (compiled, kernels) => {
    if (compiled === 0) progress = createProgress(terminal, (done) => `compiling ${done} of ${plural(kernels, 'kernel')}`, kernels, now)
    progress?.update(compiled)
    if (compiled === kernels) progress?.end()
  }
}

/** Throws what `createSession` throws, with the line cleared. */
export async function openSession(device: Device, plan: Plan, terminal: Terminal): Promise<Session> {
  return createSession(device, plan, { onCompile: compileProgress(terminal) }).catch((problem: unknown) => {
    if (terminal.errIsLive) terminal.err('\r\x1b[2K')
    throw problem
  })
}
