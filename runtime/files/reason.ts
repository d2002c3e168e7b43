/** Error codes of the file system as text. */
import { FileError } from '../errors.ts'

/** Error code -> text; messages also contain the code, which users can search for. */
const MESSAGES: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EAGAIN: 'it has nothing to read now',
  EBUSY: 'it is in use',
  EDQUOT: 'the disk quota is used up',
  EEXIST: 'it exists already',
  EFBIG: 'the file would be too large',
  EIO: 'the disk failed',
  EISDIR: 'it is a directory',
  ELOOP: 'its symbolic links form a circle',
  EMFILE: 'too many files are open',
  ENAMETOOLONG: 'the name is too long',
  ENODEV: 'there is no such device',
  ENOENT: 'there is no such file or directory',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a directory',
  ENXIO: 'nothing reads from it',
  EPERM: 'the operation is not permitted',
  EPIPE: 'its reader has closed it',
  EROFS: 'the file system is read-only',
}

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

/** `the disk is full (ENOSPC)` */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code === undefined) return (error as Error).message
  return Object.hasOwn(MESSAGES, code) ? `${MESSAGES[code]} (${code})` : code
}

/** Converts a system error into a FileError with the failed operation and the reason; other errors are unchanged. */
export function toFileError(path: string, what: string, error: unknown): Error {
  if (error instanceof Error && !('syscall' in error)) return error
  return new FileError(path, `${what}: ${reasonOf(error)}`)
}

/** Runs an operation on a path. Throws a FileError for a system error. */
export function withFileErrors<T>(path: string, what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw toFileError(path, what, error)
  }
}

/** Like `asked`, for a promise. */
export const withFileErrorsAsync = <T>(path: string, what: string, work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw toFileError(path, what, error)
  })

export const WRITE = 'cannot be written'
