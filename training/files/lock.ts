/** A lock file, so that one run at a time writes to a directory. */
import { link, unlink, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { isAlive, makeDirectories, readRegular } from '../../runtime/files/index.ts'
import { ResumeError } from '../errors.ts'
import { noneWhereAbsent } from './absent.ts'

const LOCK = '.lock'

interface Holder {
  readonly pid: number
  readonly host: string
}

function holderOf(text: string): Holder | null {
  try {
    const { pid, host } = JSON.parse(text) as Holder
    return Number.isSafeInteger(pid) && typeof host === 'string' ? { pid, host } : null
  } catch {
    return null
  }
}

const hasCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code

/**
 * Creates and locks a directory; returns the function that unlocks it. A lock left by a killed process is taken over. Throws a
 * ResumeError if another run has it locked.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  makeDirectories(directory)
  const path = join(directory, LOCK)
  // a hard link appears with its full contents or not at all
  const draft = `${path}.${process.pid}`
  try {
    await writeFile(draft, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder))
    while (!(await isTaken(draft, path))) await takeOver(directory, path)
  } finally {
    await unlink(draft).catch(noneWhereAbsent(undefined))
  }
  return () => unlink(path).catch(noneWhereAbsent(undefined))
}

const isTaken = (draft: string, path: string): Promise<boolean> =>
  link(draft, path).then(
    () => true,
    (error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error
      return false
    },
  )

/** Removes a lock of a process that has ended. */
async function takeOver(directory: string, path: string): Promise<void> {
  const holder = holderOf((await readRegular(path).catch(noneWhereAbsent(Buffer.alloc(0)))).toString('utf8'))
  const isHeld = holder !== null && (holder.host !== hostname() || isAlive(holder.pid))
  if (isHeld)
    throw new ResumeError(
      directory,
      `is in use by another run, process ${holder.pid} on ${holder.host}; if that has ended, remove ${path}`,
    )
  await unlink(path).catch(noneWhereAbsent(undefined))
}
