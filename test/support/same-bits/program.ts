/** A program of Node: work comes as a file, results go to the output. */
import { readFileSync } from 'node:fs'
import { openCpuDevice } from '../../../runtime/node/threads.ts'
import { perform, type Work } from './work.ts'

const work = JSON.parse(readFileSync(process.argv[2], 'utf8')) as Readonly<Record<string, Work>>
const device = openCpuDevice({ threads: 2 })
const bytes = await perform(device, work)
device.dispose()
process.stdout.write(JSON.stringify(bytes))
