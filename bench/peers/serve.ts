/** The process of one runner. */
import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { CANDIDATES } from './candidates.ts'
import { readProblem, writeResult, type Problem } from './problem.ts'
import { REPLIES, type Reply, type Request } from './protocol.ts'
import { AbsentError, type Runner } from './runners/runner.ts'

const reply = (value: Reply): void => void writeSync(REPLIES, `${JSON.stringify(value)}\n`)

const messageOf = (problem: unknown): string => (problem instanceof Error ? problem.message : String(problem))

async function answer(
  runner: Runner,
  { inputs }: Problem,
  request: Exclude<Request, { kind: 'close' }>,
  folder: string,
): Promise<Reply> {
  const x = inputs.get(request.tokens)!
  if (request.kind === 'check') {
    writeResult(folder, request.tokens, await runner.run(x))
    return { kind: 'checked' }
  }
  const times: number[] = []
  for (let run = 0; run < request.runs; run++) {
    const start = performance.now()
    await runner.run(x)
    times.push(performance.now() - start)
  }
  return { kind: 'ran', times }
}

async function serveOpen(runner: Runner, problem: Problem, folder: string): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const request = JSON.parse(line) as Request
    if (request.kind === 'close') break
    reply(await answer(runner, problem, request, folder))
  }
  await runner.close()
}

/** Opens the candidate on the problem in the folder, and does what standard input asks for. */
export async function serve(name: string, folder: string): Promise<void> {
  const candidate = CANDIDATES.find((one) => one.name === name)
  if (candidate?.kind !== 'node') throw new RangeError(`'${name}' does not run in Node`)
  const problem = readProblem(folder)
  try {
    const runner = await candidate.open(problem)
    reply({ kind: 'ready', version: runner.version, detail: runner.detail })
    await serveOpen(runner, problem, folder)
  } catch (problem) {
    reply({ kind: problem instanceof AbsentError ? 'absent' : 'failed', reason: messageOf(problem) })
  }
  // a library may leave threads behind
  process.exit(0)
}
