// A compiled model in TypeScript: inputs, outputs and weights are typed by the spec.
import { openDevice } from 'smoe/runtime/dawn'
import { openCheckpoint, openPlan } from 'smoe/runtime/files'
import { Mixtral } from './out/mixtral.js'

const device = await openDevice()
const checkpoint = await openCheckpoint('examples/tiny-mixtral')
const model = await Mixtral.load(device, await openPlan('out/plan.json'), checkpoint)
await checkpoint.close()

const { logits } = await model.run({ tokens: { shape: [1, 3], data: Int32Array.of(5, 8, 13) } })
const last = logits.data.subarray(-64)
console.log(`logits [${logits.shape.join(', ')}]; after 5, 8, 13 the model expects token ${last.indexOf(Math.max(...last))}`)

model.dispose()
device.dispose()
