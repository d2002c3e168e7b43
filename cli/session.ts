/** Creates sessions and shows the number of compiled kernels on a progress line of stderr. */
import type { Plan } from '../plan/plan.ts'
import type { Device } from '../runtime/device.ts'
import { createSession, type Session, type SessionOptions } from '../runtime/session.ts'
import { plural } from './output.ts'
import { createProgress, type Progress } from './progress.ts'
import type { Terminal } from './terminal.ts'

/** `compiling 12 of 34 kernels`, with the remaining time; may be used for several plans in turn. */
export function compileProgress(terminal: Terminal, now?: () => number): NonNullable<SessionOptions['onCompile']> {
  let progress: Progress | null = null
  return (compiled, kernels) => {
    if (compiled === 0)
      progress = createProgress(terminal, (done) => `compiling ${done} of ${plural(kernels, 'kernel')}`, kernels, now)
    progress?.update(compiled)
    if (compiled === kernels) progress?.end()
  }
}

/** Throws what `createSession` throws, after clearing the line. */
export async function openSession(device: Device, plan: Plan, terminal: Terminal): Promise<Session> {
  return createSession(device, plan, { onCompile: compileProgress(terminal) }).catch((problem: unknown) => {
    if (terminal.errIsLive) terminal.err('\r\x1b[2K')
    throw problem
  })
}
