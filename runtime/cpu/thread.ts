/**
 * What one thread of the pool does. The functions are sent to workers as text: they refer to nothing outside of themselves, and
 * their inner functions are methods, since bundlers that keep the names of others wrap them in a helper that workers lack.
 */

/** Places of the control words, in 32-bit words from the start of the memory. */
export interface ControlWords {
  /** The number of the last execution that was asked for: threads wait for it to change. */
  readonly signal: number
  /** Address of its program. */
  readonly program: number
  /** The number of the last message that must have been received before it. */
  readonly mail: number
  /** Pages of the memory when the execution was asked for. */
  readonly pages: number
  readonly arrived: number
  readonly generation: number
  /** The number of the last execution that is done. */
  readonly done: number
  /** 1 + the dispatch that failed first; 0 if none did. */
  readonly failed: number
}

export interface ThreadOptions {
  readonly memory: WebAssembly.Memory
  readonly control: ControlWords
  readonly thread: number
  readonly threads: number
  /** How often a word is read before the thread sleeps until it changes. */
  readonly spins: { readonly idle: number; readonly barrier: number }
  /** Calls that a thread's share of a dispatch is made in. */
  readonly slices: number
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
  /** Runs this thread's share of the program's dispatches. */
  readonly run: (report: Report) => void
  /** Runs every execution until one needs mail that has not come. */
  readonly serve: (report: Report, onDone: () => void) => void
}

type KernelFunction = (args: number, own: number, from: number, to: number) => void

/**
 * A program in memory, as words: the number of dispatches, at least one, base and stride of the threads' own memory, the address
 * of times (f64 milliseconds, one more than dispatches; 0 for none), then for each dispatch the kernel, the address of its
 * arguments and its workgroups. Workgroups are divided evenly, in order: which thread runs one changes no value.
 */
export function createThread({ memory, control, thread, threads, spins, slices }: ThreadOptions): Thread {
  const words = new Int32Array(memory.buffer)
  const functions = new Map<number, KernelFunction>()
  let [received, served] = [0, 0]

  const inner = {
    /** Waits until a word has another value than this. */
    awaitChange(place: number, value: number, most: number): void {
      for (let spin = 0; spin < most; spin++) if (Atomics.load(words, place) !== value) return
      while (Atomics.load(words, place) === value) Atomics.wait(words, place, value)
    },
    barrier(): void {
      if (threads === 1) return
      const generation = Atomics.load(words, control.generation)
      if (Atomics.add(words, control.arrived, 1) === threads - 1) {
        Atomics.store(words, control.arrived, 0)
        Atomics.add(words, control.generation, 1)
        Atomics.notify(words, control.generation)
      } else inner.awaitChange(control.generation, generation, spins.barrier)
    },
    /** The memory may have grown since the last execution: the view of a thread follows a moment later. */
    wholeMemory(): ArrayBufferLike {
      const bytes = Atomics.load(words, control.pages) * 65536
      while (memory.buffer.byteLength < bytes);
      return memory.buffer
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
    run(report) {
      const address = Atomics.load(words, control.program) >>> 0
      const buffer = inner.wholeMemory()
      const [dispatches, base, stride, timesAt] = new Uint32Array(buffer, address, 4)
      const table = new Uint32Array(buffer, address + 16, 3 * dispatches)
      const times = timesAt === 0 || thread !== 0 ? null : new Float64Array(buffer, timesAt, dispatches + 1)
      if (times !== null) times[0] = performance.now()
      for (let at = 0; at < dispatches; at++) {
        const workgroups = table[3 * at + 2]
        const from = Math.floor((workgroups * thread) / threads)
        const to = Math.floor((workgroups * (thread + 1)) / threads)
        if (from < to && Atomics.load(words, control.failed) === 0) {
          try {
            const call = functions.get(table[3 * at])!
            // V8 enters optimised code at the next call of a function, never within one
            const slice = Math.ceil((to - from) / slices)
            for (let part = from; part < to; part += slice)
              call(table[3 * at + 1], base + thread * stride, part, Math.min(to, part + slice))
          } catch (error) {
            const isFirst = Atomics.compareExchange(words, control.failed, 0, at + 1) === 0
            if (isFirst) report(at, error instanceof Error ? error.message : String(error))
          }
        }
        inner.barrier()
        if (times !== null) times[at + 1] = performance.now()
      }
    },
    serve(report, onDone) {
      for (;;) {
        inner.awaitChange(control.signal, served, spins.idle)
        if (Atomics.load(words, control.mail) !== received) return
        served = Atomics.load(words, control.signal)
        this.run(report)
        if (thread !== 0) continue
        Atomics.store(words, control.done, served)
        Atomics.notify(words, control.done)
        onDone()
      }
    },
  }
}

/** A message of a thread to the pool. */
export type ThreadMessage =
  { readonly kind: 'done' } | { readonly kind: 'failed'; readonly dispatch: number; readonly message: string }

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
      () => {
        if (postsDone) port.post({ kind: 'done' })
      },
    )
  })
}
