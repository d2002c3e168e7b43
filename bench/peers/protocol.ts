/** What is said between the benchmark and the process of a runner: JSON, a line each. Replies come by the file descriptor 3. */

export type Request =
  /** Writes the result into the folder. */
  | { readonly kind: 'check'; readonly tokens: number }
  | { readonly kind: 'run'; readonly tokens: number; readonly runs: number }
  | { readonly kind: 'close' }

export type Reply =
  | { readonly kind: 'ready'; readonly version: string; readonly detail: string }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'checked' }
  /** Milliseconds, each from the input on the host to the output on the host. */
  | { readonly kind: 'ran'; readonly times: readonly number[] }

export const REPLIES = 3
