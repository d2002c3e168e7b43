// A compiled model in JavaScript: `smoe compile` writes the bindings in both languages.
import { openCheckpoint, openPlan } from 'smoe/runtime/files'
import { openDevice } from 'smoe/runtime/node'
import { Mixtral } from './out/mixtral.js'

const plan = await openPlan('out/plan.json')
// the best device that runs plans of its target
const device = await openDevice({ runs: plan.target })
console.log(`on ${device.choice.name}: ${device.choice.reason}`)

const checkpoint = await openCheckpoint('examples/tiny-mixtral')
const model = await Mixtral.load(device, plan, checkpoint)
await checkpoint.close()

const { logits } = await model.run({ tokens: { shape: [1, 3], data: Int32Array.of(5, 8, 13) } })
const last = logits.data.subarray(-64)
console.log(`logits [${logits.shape.join(', ')}]; after 5, 8, 13 the model expects token ${last.indexOf(Math.max(...last))}`)

model.dispose()
device.dispose()
