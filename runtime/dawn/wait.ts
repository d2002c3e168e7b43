/**
 * Dawn polls the device from the event loop without rest while a promise is pending, on the core that a CPU adapter computes
 * with. Short naps between the polls give that core back. The first 0.15 ms are awake, so that quick work stays quick.
 */

const AWAKE_MS = 0.15
const SHORTEST_NAP_MS = 0.05
const LONGEST_NAP_MS = 1

const cell = new Int32Array(new SharedArrayBuffer(4))

/** When each promise that is waited for began; one chain of naps serves them all. */
const pending = new Set<{ readonly since: number }>()
let napping = false

function nap(): void {
  if (pending.size === 0) {
    napping = false
    return
  }
  let since = 0
  for (const wait of pending) since = Math.max(since, wait.since)
  // the youngest wait sets the length: a quick job is not held up by a long one
  const waited = performance.now() - since
  if (waited > AWAKE_MS) Atomics.wait(cell, 0, 0, Math.min(LONGEST_NAP_MS, Math.max(SHORTEST_NAP_MS, waited / 16)))
  setImmediate(nap)
}

/** The promise itself; while it is pending the event loop naps between polls. */
export function napWhilePending<T>(promise: Promise<T>): Promise<T> {
  const wait = { since: performance.now() }
  const done = (): void => void pending.delete(wait)
  pending.add(wait)
  promise.then(done, done)
  if (!napping) {
    napping = true
    setImmediate(nap)
  }
  return promise
}
