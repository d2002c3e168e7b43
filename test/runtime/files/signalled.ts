/**
 * Replaces the directory `out` below a root and signals itself at a moment: `before` and `after` the renames, or while the `next`
 * output is open. Prints what it reaches.
 */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { commit, stageDirectory, stageFile, textPieces } from '../../../runtime/files/index.ts'

const [root, moment] = process.argv.slice(2)
const out = join(root, 'out')

/** Synchronous: delivered before the event loop goes on. */
function signal(): void {
  process.kill(process.pid, 'SIGTERM')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
}

async function writeSet(): Promise<void> {
  const ofEarlier = (directory: string): ReadonlySet<string> => {
    if ((moment === 'before' && directory === out) || (moment === 'after' && directory !== out)) signal()
    return new Set()
  }
  await commit([await stageDirectory(out, { files: [['new', textPieces('new')]], ofEarlier })])
}

await writeSet()
if (moment === 'next') {
  const staged = await stageFile(join(root, 'next'), textPieces('next'))
  // past the end of the watch over the first output
  await setTimeout(50)
  signal()
  await setTimeout(1000)
  staged.discard()
}
await setTimeout(1000)
process.stdout.write('went on')
