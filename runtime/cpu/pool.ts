/** The threads of a device: workers over one memory, or the caller's own thread where it may not be shared. */
import { messageOf } from '../device.ts'
import { DeviceError, type DeviceLostError } from '../errors.ts'
import { createLoss, type Loss } from '../loss.ts'
import { PAGE, type SharedMemory } from './memory.ts'
import {
  createThread,
  serveThread,
  type ControlWords,
  type KernelMessage,
  type Thread,
  type ThreadMessage,
  type ThreadOptions,
} from './thread.ts'

/** A worker of the platform. An idle one keeps no process alive. */
export interface PoolWorker {
  readonly post: (message: unknown) => void
  readonly onMessage: (receive: (message: unknown) => void) => void
  /** Called once, where it ends by itself. */
  readonly onEnd: (end: (message: string) => void) => void
  /** Whether the process waits for it. */
  readonly hold: (isHeld: boolean) => void
  readonly terminate: () => void
}

export interface Platform {
  readonly threads: number
  /** Starts a worker of this program text; null where memory cannot be shared, and the caller's thread computes. */
  readonly spawn: ((program: string) => PoolWorker) | null
  /** Lets the caller's thread do other work; null where it may not wait for other threads, as a page may not. */
  readonly takeTurn: (() => Promise<void>) | null
}

export interface Pool {
  readonly threads: number
  /** Adds a kernel; returns its number. */
  readonly add: (module: WebAssembly.Module) => number
  readonly remove: (kernel: number) => void
  /**
   * Runs the program at this address, which has a dispatch: by the threads; by the caller in place of the first, which saves two
   * hand-overs of a short program, where the caller may wait; or by the threads with times, where the program has room for them.
   * Throws a DeviceError with the label of a dispatch that failed, or a DeviceLostError.
   */
  readonly run: (program: number, labelOf: (dispatch: number) => string, by?: 'threads' | 'caller' | 'timed') => Promise<void>
  readonly lost: () => DeviceLostError | null
  /** Rejects with a DeviceLostError if the pool is lost first. */
  readonly untilLost: <T>(promise: Promise<T>) => Promise<T>
  readonly dispose: () => void
}

/** Words are apart by a cache line, since threads write them. */
export const CONTROL: ControlWords = {
  signal: 0,
  first: 16,
  program: 32,
  mail: 33,
  pages: 34,
  failed: 35,
  complete: 36,
  taken: 48,
  run: 64,
  active: 80,
  done: 96,
}

/**
 * Reads of a word before a thread sleeps: up to 0.3 ms between executions, so that a burst of small runs meets awake threads, and
 * up to 0.1 ms between dispatches. A read takes about 10 ns.
 */
const SPINS = { idle: 20_000, barrier: 5_000 }

/** Milliseconds that the caller computes before other work of its thread has a turn. */
const TURN = 10

/** Milliseconds that the caller sleeps in a short program, which is longer than it takes unless a thread does not run. */
const PATIENCE = 5

/** Enough that the first execution soon runs optimised code, few enough that what kernels keep between workgroups serves. */
const SLICES = 16

/** In each worker `port` is an object of the platform's own making. */
const program = (): string => `;(${String(serveThread)})(${String(createThread)}, port)`

interface AsyncWait {
  readonly waitAsync?: (
    words: Int32Array,
    place: number,
    value: number,
  ) => { readonly async: boolean; readonly value: Promise<string> | string }
}

export function createPool({ memory }: SharedMemory, { threads, spawn, takeTurn }: Platform): Pool {
  const words = new Int32Array(memory.buffer)
  const { waitAsync } = Atomics as AsyncWait
  const loss = createLoss()
  const { lost, untilLost } = loss
  let [kernels, mail, executions] = [0, 0, 0]
  let added: KernelMessage['added'][number][] = []
  let removed: number[] = []
  /** By number. */
  const modules = new Map<number, WebAssembly.Module>()
  /** In place of the first thread. */
  let caller: Thread | null = null
  let onFailure: ((message: string) => void) | null = null
  let onDone: (() => void) | null = null

  const lose: Loss['lose'] = (reason, message) => {
    const isFirst = loss.lose(reason, message)
    if (isFirst) for (const worker of workers) worker.terminate()
    return isFirst
  }
  const receive = (message: unknown): void => {
    const told = message as ThreadMessage
    if (told.kind === 'failed') onFailure?.(told.message)
    // the caller may have seen the end of earlier ones by itself
    else if (told.execution === executions) onDone?.()
  }
  const options = (thread: number, asked: number, patience: number): ThreadOptions => ({
    memory,
    control: CONTROL,
    thread,
    asked,
    threads: spawn === null ? 1 : threads,
    spins: SPINS,
    slices: SLICES,
    patience,
  })
  const workers: PoolWorker[] = []
  const start = (thread: number, worker: PoolWorker): void => {
    workers.push(worker)
    worker.onMessage(receive)
    worker.onEnd((message) => lose('unknown', `thread ${thread} of ${threads} ended: ${message}`))
    worker.post({
      ...options(thread, thread === 0 ? CONTROL.first : CONTROL.signal, Infinity),
      postsDone: waitAsync === undefined,
    })
    worker.hold(false)
  }
  if (spawn === null) caller = createThread(options(0, CONTROL.signal, Infinity))
  try {
    if (spawn !== null) for (let thread = 0; thread < threads; thread++) start(thread, spawn(program()))
  } catch (error) {
    lose('unknown', `a thread of ${threads} did not start: ${messageOf(error)}`)
  }

  /** What was added and removed since the last message. */
  const deliver = (): void => {
    if (added.length === 0 && removed.length === 0) return
    const message: KernelMessage = { mail: (mail = (mail + 1) | 0), added, removed }
    ;[added, removed] = [[], []]
    caller?.receive(message)
    for (const worker of workers) worker.post(message)
    Atomics.store(words, CONTROL.mail, mail)
  }
  const untilDone = async (): Promise<void> => {
    if (waitAsync === undefined) return new Promise((resolve) => (onDone = resolve))
    for (;;) {
      const done = Atomics.load(words, CONTROL.done)
      if (done === executions) return
      const wait = waitAsync.call(Atomics, words, CONTROL.done, done)
      if (wait.async) await wait.value
    }
  }
  const ask = (place: number): void => {
    Atomics.store(words, place, executions)
    Atomics.notify(words, place)
  }
  const isDone = (): boolean => Atomics.load(words, CONTROL.done) === executions
  /** The caller takes the part of the first thread. */
  const help = (): void => {
    if (caller === null) {
      caller = createThread(options(0, CONTROL.signal, PATIENCE))
      caller.receive({ mail, added: [...modules].map(([number, module]) => ({ number, module })), removed: [] })
    }
    caller.join(
      (_, message) => onFailure?.(message),
      () => {},
    )
    // others run the last slices
    for (let spin = 0; spin < SPINS.barrier; spin++) if (isDone()) return
    if (spawn !== null && !isDone()) Atomics.wait(words, CONTROL.done, (executions - 1) | 0, PATIENCE)
  }
  let turn = performance.now()
  const giveTurn = async (): Promise<void> => {
    if (takeTurn === null || performance.now() - turn < TURN) return
    await takeTurn()
    turn = performance.now()
  }
  const execute = async (isHelped: boolean): Promise<void> => {
    executions = (executions + 1) | 0
    Atomics.store(words, CONTROL.signal, executions)
    if (threads > 1) Atomics.notify(words, CONTROL.signal)
    if (isHelped) help()
    if (isDone()) return giveTurn()
    // the promise of a wait keeps no process alive
    workers[0].hold(true)
    try {
      const done = untilLost(untilDone())
      ask(CONTROL.first)
      await done
    } finally {
      workers[0].hold(false)
    }
  }
  /** Its message is on the way, and keeps no process alive either. */
  const untilTold = async (failure: Promise<string>): Promise<string> => {
    for (const worker of workers) worker.hold(true)
    try {
      return await untilLost(failure)
    } finally {
      for (const worker of workers) worker.hold(false)
    }
  }
  const run: Pool['run'] = async (address, labelOf, by = 'threads') => {
    const reason = lost()
    if (reason !== null) throw reason
    deliver()
    Atomics.store(words, CONTROL.program, address | 0)
    Atomics.store(words, CONTROL.pages, memory.buffer.byteLength / PAGE)
    Atomics.store(words, CONTROL.failed, 0)
    Atomics.store(words, CONTROL.taken, 0)
    // the clock of the first thread has the times of all dispatches
    Atomics.store(words, CONTROL.run, by === 'timed' ? -1 : 0)
    const failure = new Promise<string>((resolve) => (onFailure = resolve))
    await execute(spawn === null || (by === 'caller' && takeTurn !== null))
    const failed = Atomics.load(words, CONTROL.failed)
    if (failed !== 0) throw new DeviceError(`dispatch ${labelOf(failed - 1)}`, await untilTold(failure))
  }
  return {
    threads: spawn === null ? 1 : threads,
    add: (module) => {
      added.push({ number: ++kernels, module })
      modules.set(kernels, module)
      return kernels
    },
    remove: (kernel) => {
      modules.delete(kernel)
      const others = added.filter(({ number }) => number !== kernel)
      if (others.length === added.length) removed.push(kernel)
      added = others
    },
    run,
    lost,
    untilLost,
    dispose: () => void lose('destroyed', 'the device was disposed'),
  }
}
