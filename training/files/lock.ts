/** One run at a time writes into a directory. */
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
 * Takes a directory, which it makes, until what it gives is called. A lock that a killed run has left is taken over. Throws a ResumeError where
 * another run holds it.
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  makeDirectories(directory)
  const path = join(directory, LOCK)
  // a link is there with all that it holds, or not at all
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

/** Removes a lock whose run is no more. */
async function takeOver(directory: string, path: string): Promise<void> {
  const holder = holderOf((await readRegular(path).catch(noneWhereAbsent(Buffer.alloc(0)))).toString('utf8'))
  const isHeld = holder !== null && (holder.host !== hostname() || isAlive(holder.pid))
  if (isHeld)
    throw new ResumeError(
      directory,
      `is written to by another run, process ${holder.pid} on ${holder.host}; if there is none, remove ${path}`,
    )
  await unlink(path).catch(noneWhereAbsent(undefined))
}
