/** A run in a process of its own, to be killed: goes on where its directory stands, or begins. */
import { listCheckpoints } from '../../../training/files/checkpoints.ts'
import { CHECKPOINTS } from '../../../training/files/names.ts'
import { resume, trainInto } from '../../../training/files/run.ts'
import { killable } from './killable.ts'

const directory = process.argv[2]
const training = killable()
const isBegun = (await listCheckpoints(`${directory}/${CHECKPOINTS}`)).length > 0
for await (const event of trainInto(directory, isBegun ? await resume(directory, training) : training, {
  keep: 3,
  time: () => 0,
})) {
  if (event.kind === 'start' || event.kind === 'checkpoint') process.stdout.write('.')
}
