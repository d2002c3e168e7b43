/** Distinguishes files that do not exist from files that cannot be read. */

export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** A `catch` handler for reads: returns `none` if the file does not exist, else rethrows. */
export const noneWhereAbsent =
  <T>(none: T) =>
  (error: unknown): T => {
    if (!isAbsent(error)) throw error
    return none
  }
