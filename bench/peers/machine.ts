/** The machine that measures. */
import { availableParallelism, cpus, loadavg, totalmem, type, release } from 'node:os'
import type { Machine } from './results.ts'

export const loadNow = (): number => loadavg()[0]

export const machineOf = (before: number, after: number): Machine => ({
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memory: Math.round(totalmem() / 2 ** 30),
  system: `${type()} ${release()}`,
  node: process.versions.node,
  load: [before, after],
})
