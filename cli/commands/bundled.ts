/**
 * All commands but `run`, `check` and `fmt`, as one module: the bundler then makes few files of what they share, and each file
 * that a start reads costs about a millisecond.
 */
export { compile } from './compile.ts'
export { explain } from './explain.ts'
export { debug } from './debug.ts'
export { train } from './train.ts'
export { routing } from './routing.ts'
export { importCommand } from './import.ts'
export { exportCommand } from './export.ts'
export { inspect } from './inspect.ts'
export { prune } from './prune.ts'
export { quantize } from './quantize.ts'
export { upcycle } from './upcycle.ts'
export { reroute } from './reroute.ts'
export { planCommand } from './plan.ts'
export { evalCommand } from './eval.ts'
export { generateCommand } from './generate.ts'
export { chat } from './chat.ts'
export { embed } from './embed.ts'
export { bench } from './bench.ts'
export { doctor } from './doctor.ts'
