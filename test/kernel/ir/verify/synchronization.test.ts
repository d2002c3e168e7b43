import { GATE, begun, replaced, refuses } from './planted.ts'

refuses([
  [
    'a barrier for some threads',
    () => replaced(GATE, 'barrier', 'if thread < 8u {\nbarrier\n}'),
    /: barrier: it synchronizes the workgroup in control flow that is not uniform/,
  ],
  [
    'an all-reduce for some threads',
    () => replaced(GATE, /(var max(\d+) = .*\n)/, '$1 all_reduce max max$2: f32\n'),
    /: all_reduce max .*: it synchronizes the workgroup in control flow that is not uniform/,
  ],
  [
    'a loop that threads leave one by one',
    () => begun(GATE, 'do {', 'barrier', '} while thread < 1u'),
    /: do \{: its condition is not uniform/,
  ],
])
