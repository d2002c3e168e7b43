/** Unread tensors of a checkpoint: a sign that the spec may describe another model. */
import type { Checkpoint } from '../runtime/checkpoint/checkpoint.ts'
import { listed } from '../runtime/checkpoint/quote.ts'
import { plural } from './output.ts'
import type { Terminal } from './terminal.ts'

/** `3 tensors of FILE are not read: a, b, c` */
export const unreadText = ({ name }: Pick<Checkpoint, 'name'>, tensors: readonly string[]): string =>
  `${plural(tensors.length, 'tensor')} of ${name} ${tensors.length === 1 ? 'is' : 'are'} not read: ${listed([...tensors].sort(), 8)}`

/** Prints them where there are any. */
export function noteUnread(checkpoint: Pick<Checkpoint, 'name'>, tensors: readonly string[], terminal: Terminal): void {
  if (tensors.length > 0) terminal.err(`note: ${unreadText(checkpoint, tensors)}\n`)
}
