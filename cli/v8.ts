/** V8 as a command wants it: most start, compile one spec and end. */
import { setFlagsFromString } from 'node:v8'

/** Later versions of V8 have another flag, and a compiler between baseline and optimising code. */
const V8_WITH_FLAG = '11.'

/** Bytes of bytecode that a function runs before it is optimised: three times V8's own number. */
const BUDGET = 200_000

/**
 * Optimises functions later, on Node 20: for a start, optimising takes more of the processor than it saves. What goes on for
 * seconds is optimised some milliseconds later.
 */
export function optimiseLater(): void {
  if (process.versions.v8.startsWith(V8_WITH_FLAG)) setFlagsFromString(`--interrupt-budget=${BUDGET}`)
}
