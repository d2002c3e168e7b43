import { ELEMENTWISE, GATE, begun, replaced, refuses } from './planted.ts'

refuses([
  [
    'a bound beyond the buffer',
    () => replaced(ELEMENTWISE, 'element < size[16*B*S]', 'element < size[32*B*S]'),
    /: @y\[element\] = .*: the index reaches 31; @y has 16 elements where B = 1, S = 1/,
  ],
  [
    'an index one too far',
    () => replaced(ELEMENTWISE, '@y[element]', '@y[element + 1u]'),
    /the index reaches 16; @y has 16 elements/,
  ],
  [
    'an array that is too short',
    () => replaced(GATE, /shared (scores\d+): f32\[8\]/, 'shared $1: f32[4]'),
    /: (scores\d+)\[p\d+\] = .*: the index reaches 7; \1 has 4 elements/,
  ],
  [
    'a loop that never moves',
    () => replaced(GATE, 'step 64u', 'step 0u'),
    /: for p\d+ in .*: the step of the loop is not positive/,
  ],
  [
    'an index that is signed',
    () => begun(GATE, `${/shared (partial\d+)/.exec(GATE)![1]}[i32(thread)] = 1.0`),
    /: the index of partial\d+ is i32, not u32/,
  ],
])
