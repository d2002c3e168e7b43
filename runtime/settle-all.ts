/** Like `Promise.all`, but an error is thrown only after every promise has settled. */
export async function settleAll<T>(promises: readonly Promise<T>[]): Promise<readonly T[]> {
  const settled = await Promise.allSettled(promises)
  for (const result of settled) if (result.status === 'rejected') throw result.reason
  return Promise.all(promises)
}
