/** The kind of a path, for messages. */
import type { Stats } from 'node:fs'

export type FileKind = 'file' | 'directory' | 'FIFO' | 'socket' | 'character device' | 'block device'

export function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'directory'
  if (stats.isFIFO()) return 'FIFO'
  if (stats.isSocket()) return 'socket'
  return stats.isBlockDevice() ? 'block device' : 'character device'
}
