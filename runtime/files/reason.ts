/** Why the file system refused, in words. */
import { FileError } from '../errors.ts'

/** What a system call says by its code; the code stands beside the words, so that it can be searched for. */
const WORDS: Readonly<Record<string, string>> = {
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
  return Object.hasOwn(WORDS, code) ? `${WORDS[code]} (${code})` : code
}

/** What the system refused becomes a FileError that says what was to be done with a path, and why it was not; all else stays what it is. */
export function refused(path: string, what: string, error: unknown): Error {
  if (error instanceof Error && !('syscall' in error)) return error
  return new FileError(path, `${what}: ${reasonOf(error)}`)
}

/** Does one thing with a path. Throws a FileError where the system refuses. */
export function asked<T>(path: string, what: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw refused(path, what, error)
  }
}

/** As `asked`, for what takes time. */
export const askedLater = <T>(path: string, what: string, work: Promise<T>): Promise<T> =>
  work.catch((error: unknown) => {
    throw refused(path, what, error)
  })

export const WRITE = 'cannot be written'
