import { GATE, begun, replaced, refuses } from './planted.ts'

refuses([
  [
    'more workgroup memory than there is',
    () => replaced(GATE, /shared (partial\d+): f32\[64\]/, 'shared $1: f32[5000]'),
    /: workgroup: it needs 20032 bytes of workgroup memory; .* has 16384/,
  ],
  ['more threads than there are', () => replaced(GATE, 'of 64', 'of 512'), /: workgroup: it has 512 threads; .* allows 256/],
  [
    'one element that all threads write',
    () => begun(GATE, `${/shared (scores\d+)/.exec(GATE)![1]}[0u] = 1.0`),
    /: scores\d+\[0u\] = 1.0: all 64 threads write one element of scores/,
  ],
  [
    'two threads that write one element',
    () => begun(GATE, `${/shared (partial\d+)/.exec(GATE)![1]}[thread / 2u] = 1.0`),
    /: partial\d+\[thread \/ 2u\] = 1.0: thread 0 and thread 1 both write partial\d+\[0\]/,
  ],
  [
    'a read of what another thread writes',
    () =>
      begun(
        GATE,
        ...['[thread] = 1.0', '[(thread + 1u) % 64u]'].map(
          (rest, at) => `${at === 1 ? 'let other = ' : ''}${/shared (partial\d+)/.exec(GATE)![1]}${rest}`,
        ),
      ),
    /: let other = .*: thread \d+ and thread \d+ access partial\d+\[\d+\] with no barrier between/,
  ],
  [
    'two shared arrays of one name',
    () => replaced(GATE, /(shared partial\d+: f32\[64\])/, '$1\n$1'),
    /: workgroup: two shared arrays are named partial/,
  ],
])
