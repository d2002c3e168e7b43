/** Drafts: temporary paths that are renamed to a file or directory when complete. Only a killed process leaves any behind. */
import { readdirSync, rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isAlive } from './process.ts'

/** `.part` is being written; `.old` is the previous directory during a replacement. */
export type DraftKind = 'part' | 'old'

/** Loaded when a file is written, which not every start comes to: it takes milliseconds. */
const crypto = () => process.getBuiltinModule('node:crypto')

const tag = (text: string): string => crypto().createHash('sha256').update(text).digest('hex').slice(0, 10)

/** Of fixed length: the target's own name may already have 255 bytes. */
const NAME = /^\.smoe-([0-9a-f]{10})-([0-9a-f]{10})-(\d+)-[0-9a-f]{8}\.(part|old)$/

/** The path of a new draft in a directory, for a target by its name. */
export const draftPath = (directory: string, target: string, kind: DraftKind): string =>
  join(
    directory,
    `.smoe-${tag(basename(target))}-${tag(hostname())}-${process.pid}-${crypto().randomBytes(4).toString('hex')}.${kind}`,
  )

export const isDraft = (name: string): boolean => NAME.test(name)

/** Drafts of a target from killed processes of this machine. */
export function leftDrafts(directory: string, target: string, kind: DraftKind): readonly string[] {
  let names: readonly string[] = []
  try {
    names = readdirSync(directory)
  } catch {
    // a missing directory has no drafts
  }
  return names
    .filter((name) => {
      const [, of, host, pid, its] = NAME.exec(name) ?? []
      return of === tag(basename(target)) && host === tag(hostname()) && its === kind && !isAlive(Number(pid))
    })
    .map((name) => join(directory, name))
}

export function removeLeft(target: string): void {
  for (const path of leftDrafts(dirname(target), target, 'part')) rmSync(path, { recursive: true, force: true })
}
