import { LOOKUP, replaced, refuses } from './planted.ts'

refuses([
  [
    'one element for all columns',
    () => replaced(LOOKUP, /@y\[row \* (\d+)u \+ column\]/, '@y[row * $1u]'),
    /: @y\[row \* 16u\] = .*: elements of every column are stored at one index/,
  ],
  [
    'an operand that is too small',
    () => replaced(LOOKUP, '@down: f32[4096]', '@down: f32[64]'),
    /: right operand 0: its base reaches 4064; @down has 64 elements/,
  ],
  [
    'an epilogue that synchronizes',
    () => replaced(LOOKUP, 'epilogue {\n', 'epilogue {\nbarrier\n'),
    /: barrier: the epilogue of a matmul cannot synchronize/,
  ],
  ['an operand of another dtype', () => replaced(LOOKUP, '@down: f32', '@down: i32'), /: right operand 0: @down is i32, not f32/],
])
