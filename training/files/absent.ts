/** What is not there, told from what cannot be read. */

export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')

/** For a read that failed: `none` where there was nothing to read, else the error. */
export const noneWhereAbsent =
  <T>(none: T) =>
  (error: unknown): T => {
    if (!isAbsent(error)) throw error
    return none
  }
