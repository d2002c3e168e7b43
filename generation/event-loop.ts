/** The event loop between two runs: where the caller's own thread computes, nothing else is heard, an abort neither. */

/**
 * Lets timers, events and the drawing of a page have their turn. A message is not delayed, as timers are in pages.
 */
export const eventLoopTurn = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
