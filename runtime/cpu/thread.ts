/**
 * What one thread of the pool does. The functions are sent to workers as text: they refer to nothing outside of themselves, and
 * their inner functions are methods, since bundlers that keep the names of others wrap them in a helper that workers lack.
 */

/** Places of the control words, in 32-bit words from the start of the memory. */
export interface ControlWords {
  /** The number of the last execution that was asked for: all threads but the first wait for it to change. */
  readonly signal: number
  /** The same for the first thread, whose part the caller may take. */
  readonly first: number
  /** Address of its program. */
  readonly program: number
  /** The number of the last message that must have been received before it. */
  readonly mail: number
  /** Pages of the memory when the execution was asked for. */
  readonly pages: number
  /** Slices of its dispatches, counted from the first on, that were taken, and that were run; -1 before a timed one begins. */
  readonly taken: number
  readonly run: number
  /** The number of the last execution of which all slices were run. */
  readonly complete: number
  /** Threads that read its program. */
  readonly active: number
  /** The number of the last execution that is complete and left by all. */
  readonly done: number
  /** 1 + the dispatch that failed first; 0 if none did. */
  readonly failed: number
}

export interface ThreadOptions {
  readonly memory: WebAssembly.Memory
  readonly control: ControlWords
  readonly thread: number
  readonly threads: number
  /** The place of the word that asks it to join the execution of which it has the number. */
  readonly asked: number
  /** How often a word is read before the thread sleeps until it changes. */
  readonly spins: { readonly idle: number; readonly barrier: number }
  /** Slices of a dispatch for each thread. */
  readonly slices: number
  /** Milliseconds that it sleeps for others before it leaves an execution to them: the caller has other work. */
  readonly patience: number
}

export interface KernelMessage {
  readonly mail: number
  readonly added: readonly { readonly number: number; readonly module: WebAssembly.Module }[]
  readonly removed: readonly number[]
}

/** Called by the thread whose dispatch failed first. */
export type Report = (dispatch: number, message: string) => void

export interface Thread {
  readonly receive: (message: KernelMessage) => void
  /**
   * Runs slices of the execution that was asked for, while there are any. Calls `onDone` where it was the last to leave. Returns
   * false where mail has not come that is needed.
   */
  readonly join: (report: Report, onDone: (execution: number) => void) => boolean
  /** Joins every execution until one needs mail that has not come. */
  readonly serve: (report: Report, onDone: (execution: number) => void) => void
}

/** The number of a dispatch and that of its kernel, and the addresses of its arguments and of the thread's own memory. */
type Dispatched = readonly [number, number, number, number]

type KernelFunction = (args: number, own: number, from: number, to: number) => void

/**
 * A program in memory, as words: the number of dispatches, at least one, base and stride of the threads' own memory, the address
 * of times (f64 milliseconds, one more than dispatches; 0 for none), then for each dispatch the kernel, the address of its
 * arguments and its workgroups.
 *
 * A thread takes a slice of a dispatch once all slices of those before were run: it waits for slices, never for threads, so that
 * one that sleeps, starts or was stopped by the system delays nobody unless it has a slice. Which thread runs a workgroup changes
 * no value. An execution is done when its slices were run and all that joined have left: who joins later finds it complete.
 */
export function createThread({ memory, control, thread, threads, asked, spins, slices, patience }: ThreadOptions): Thread {
  const words = new Int32Array(memory.buffer)
  const functions = new Map<number, KernelFunction>()
  let [received, served] = [0, 0]

  const inner = {
    awaitSignal(): void {
      for (let spin = 0; spin < spins.idle; spin++) if (Atomics.load(words, asked) !== served) return
      while (Atomics.load(words, asked) === served) Atomics.wait(words, asked, served)
    },
    /** Waits until so many slices were run. Returns false where patience ended first. */
    awaitSlices(count: number): boolean {
      for (let spin = 0; spin < spins.barrier; spin++) if (Atomics.load(words, control.run) >= count) return true
      for (;;) {
        const run = Atomics.load(words, control.run)
        if (run >= count) return true
        if (Atomics.wait(words, control.run, run, patience) === 'timed-out') return Atomics.load(words, control.run) >= count
      }
    },
    /** The memory may have grown since the last execution: the view of a thread follows a moment later. */
    wholeMemory(): ArrayBufferLike {
      const bytes = Atomics.load(words, control.pages) * 65536
      while (memory.buffer.byteLength < bytes);
      return memory.buffer
    },
    /** Runs workgroups of a dispatch, unless one has failed. */
    call(report: Report, [dispatch, kernel, args, own]: Dispatched, from: number, to: number): void {
      if (Atomics.load(words, control.failed) !== 0) return
      try {
        functions.get(kernel)!(args, own, from, to)
      } catch (error) {
        const isFirst = Atomics.compareExchange(words, control.failed, 0, dispatch + 1) === 0
        if (isFirst) report(dispatch, error instanceof Error ? error.message : String(error))
      }
    },
    /** Runs slices; `first` is the number of the dispatch's first one, `end` that of the next dispatch's. */
    runSlices(report: Report, dispatched: Dispatched, workgroups: number, slice: number, first: number, end: number): void {
      for (;;) {
        const taken = Atomics.load(words, control.taken)
        if (taken >= end) return
        if (Atomics.compareExchange(words, control.taken, taken, taken + 1) !== taken) continue
        const from = (taken - first) * slice
        inner.call(report, dispatched, from, Math.min(workgroups, from + slice))
        if (Atomics.add(words, control.run, 1) + 1 === end) Atomics.notify(words, control.run)
      }
    },
    runProgram(execution: number, report: Report): void {
      const address = Atomics.load(words, control.program) >>> 0
      const buffer = inner.wholeMemory()
      const [dispatches, base, stride, timesAt] = new Uint32Array(buffer, address, 4)
      const table = new Uint32Array(buffer, address + 16, 3 * dispatches)
      const times = timesAt === 0 || thread !== 0 ? null : new Float64Array(buffer, timesAt, dispatches + 1)
      if (times !== null) {
        times[0] = performance.now()
        Atomics.compareExchange(words, control.run, -1, 0)
        Atomics.notify(words, control.run)
      }
      let first = 0
      for (let at = 0; at < dispatches; at++) {
        const workgroups = table[3 * at + 2]
        const slice = Math.max(1, Math.ceil(workgroups / (threads * slices)))
        const end = first + Math.ceil(workgroups / slice)
        if (!inner.awaitSlices(first)) return
        if (times !== null && at > 0) times[at] = performance.now()
        const kernel: Dispatched = [at, table[3 * at], table[3 * at + 1], base + thread * stride]
        inner.runSlices(report, kernel, workgroups, slice, first, end)
        first = end
      }
      if (times !== null && inner.awaitSlices(first)) times[dispatches] = performance.now()
      if (Atomics.load(words, control.run) === first) Atomics.store(words, control.complete, execution)
    },
    /** An execution that is complete and that nobody reads is done: told by one of those that left last. */
    finish(onDone: (execution: number) => void): void {
      const execution = Atomics.load(words, control.signal)
      if (Atomics.load(words, control.complete) !== execution || Atomics.load(words, control.active) !== 0) return
      const last = (execution - 1) | 0
      if (Atomics.compareExchange(words, control.done, last, execution) !== last) return
      Atomics.notify(words, control.done)
      onDone(execution)
    },
  }
  return {
    receive({ mail, added, removed }) {
      for (const { number, module } of added) {
        const { exports } = new WebAssembly.Instance(module, { env: { memory } })
        functions.set(number, exports.kernel as KernelFunction)
      }
      for (const number of removed) functions.delete(number)
      received = mail
    },
    join(report, onDone) {
      // from here on the execution is not done
      Atomics.add(words, control.active, 1)
      const execution = Atomics.load(words, control.signal)
      const isReady = Atomics.load(words, control.mail) === received
      const isOpen = Atomics.load(words, control.complete) !== execution && Atomics.load(words, asked) === execution
      if (isReady && isOpen) inner.runProgram(execution, report)
      Atomics.sub(words, control.active, 1)
      inner.finish(onDone)
      return isReady
    },
    serve(report, onDone) {
      for (;;) {
        inner.awaitSignal()
        const seen = Atomics.load(words, asked)
        if (!this.join(report, onDone)) return
        served = seen
      }
    },
  }
}

/** A message of a thread to the pool. */
export type ThreadMessage =
  | { readonly kind: 'done'; readonly execution: number }
  | { readonly kind: 'failed'; readonly dispatch: number; readonly message: string }

export interface ThreadPort {
  readonly post: (message: ThreadMessage) => void
  readonly onMessage: (receive: (message: unknown) => void) => void
}

/** The program of a worker. The first message has the options, the others kernels. */
export function serveThread(create: typeof createThread, port: ThreadPort): void {
  let thread: Thread | null = null
  let postsDone = false
  port.onMessage((message) => {
    if (thread === null) {
      const options = message as ThreadOptions & { readonly postsDone: boolean }
      postsDone = options.postsDone
      thread = create(options)
    } else thread.receive(message as KernelMessage)
    thread.serve(
      (dispatch, text) => port.post({ kind: 'failed', dispatch, message: text }),
      (execution) => {
        if (postsDone) port.post({ kind: 'done', execution })
      },
    )
  })
}
