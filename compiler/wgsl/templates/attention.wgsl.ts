/**
 * Attention with its rows in registers: a thread has some neighbouring rows whole, as vec4s, and streams the rows that they are
 * paired with, which all threads of a workgroup read at the same time. There are no barriers and no workgroup memory.
 */
import type { Dim } from '../../../plan/dim.ts'
import {
  attentionBlocks,
  attentionWorkgroups,
  mayBeBlind,
  type Attention,
  type AttentionBuffer,
} from '../../kernel/ir/attention.ts'
import { UNSEEN } from '../../ops/attention.ts'
import { emitLiteral, UNARY } from '../opcodes.ts'
import type { ScalarEmitter } from '../scalar-emitter.ts'
import type { TemplateCode } from '../template-code.ts'

const VEC4 = 4

/** Rows of a thread, and other rows that it takes at a time in the forward pass. */
export interface AttentionTile {
  readonly rowsEach: number
  readonly together: number
}

/** Why the template does not fit; null where it does. */
export function attentionRefusal({ C, W }: Attention): string | null {
  return C % VEC4 === 0 && W % VEC4 === 0 ? null : `rows of ${C} and ${W} elements are not whole vec4s`
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, at) => at)
const f32 = (value: number): string => emitLiteral('f32', value)
const exp = (x: string): string => UNARY.exp(x, 'f32')
const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)
const block = (head: string, body: readonly string[]): readonly string[] => [`${head} {`, ...indent(body), '}']

interface Code {
  readonly attention: Attention
  readonly tile: AttentionTile
  readonly size: (dim: Dim) => string
  readonly ofKeys: boolean
  /** Of the operands: those of own rows, and those of the rows that they are paired with. */
  readonly own: readonly [AttentionBuffer, AttentionBuffer]
  readonly other: readonly [AttentionBuffer, AttentionBuffer]
}

const bufferOf = ({ attention }: Code, name: AttentionBuffer): string => attention.buffers[name]!
const has = ({ attention }: Code, name: AttentionBuffer): boolean => attention.buffers[name] !== undefined

/** The place of a row of queries or of keys. */
const queryRow = ({ size, attention: { S, G, R } }: Code, s: string): string =>
  `((b * ${size(S)} + ${s}) * ${size(G)} + g) * ${size(R)} + r`
const keyRow = ({ size, attention: { T, G } }: Code, t: string): string => `(b * ${size(T)} + ${t}) * ${size(G)} + g`

const ownRow = (code: Code, at: string): string => (code.ofKeys ? keyRow(code, at) : queryRow(code, at))
const otherRow = (code: Code, at: string): string => (code.ofKeys ? queryRow(code, at) : keyRow(code, at))

/** Whether an own row at `own` counts with another one at `other`, both i32. */
function visible(code: Code, own: string, other: string): string | null {
  const { attention, ofKeys, size } = code
  const [query, t] = ofKeys ? [other, own] : [own, other]
  const s = has(code, 'past') ? `(${query} + past)` : query
  const { before, after, maskAxes, B, S, G, R, T } = attention
  const tests = [
    ...(before === Infinity ? [] : [`${s} - ${before} <= ${t}`]),
    ...(after === Infinity ? [] : [`${t} <= ${s} + ${after}`]),
  ]
  if (has(code, 'mask')) {
    const sizes = [B, S, G, R, T].map((dim, axis) => (maskAxes[axis] ? size(dim) : null))
    const indices = ['b', `u32(${query})`, 'g', 'r', `u32(${t})`]
    const at = sizes.reduce(
      (sum, extent, axis) => (extent === null ? sum : sum === '' ? indices[axis] : `(${sum}) * ${extent} + ${indices[axis]}`),
      '',
    )
    tests.push(`load_${bufferOf(code, 'mask')}(${at === '' ? '0u' : at})`)
  }
  return tests.length === 0 ? null : tests.map((test) => `(${test})`).join(' && ')
}

/** Vec4s of a row of an operand as constants `NAME_0`, ... */
const loadRow = (
  code: Code,
  name: string,
  buffer: AttentionBuffer,
  row: string,
  width: number,
  factor: number | null = null,
): readonly string[] =>
  upTo(width / VEC4).map((c) => {
    const value = `load4_${bufferOf(code, buffer)}(${row} * ${width / VEC4}u + ${c}u)`
    return `let ${name}_${c} = ${value}${factor === null ? '' : ` * ${f32(factor)}`};`
  })

const zeros = (name: string, width: number): readonly string[] => upTo(width / VEC4).map((c) => `var ${name}_${c} = vec4<f32>();`)

const dot = (a: string, b: string, width: number): string =>
  upTo(width / VEC4)
    .map((c) => `dot(${a}_${c}, ${b}_${c})`)
    .join(' + ')

const capped = ({ attention: { cap } }: Code, score: string): string =>
  cap === 0 ? score : `${f32(cap)} * ${UNARY.tanh(`(${score}) / ${f32(cap)}`, 'f32')}`

function slope({ attention: { cap, scale } }: Code, score: string): string {
  return cap === 0 ? f32(scale) : `${f32(scale)} * (1.0f - ${score} * ${score} / ${f32(cap * cap)})`
}

const storeRow = (
  code: Code,
  buffer: AttentionBuffer,
  name: string,
  row: string,
  width: number,
  factor: string | null,
): readonly string[] =>
  upTo(width).map((at) => {
    const value = `${name}_${Math.floor(at / VEC4)}.${'xyzw'[at % VEC4]}`
    return `store_${bufferOf(code, buffer)}(${row} * ${width}u + ${at}u, ${factor === null ? value : `${value} * ${factor}`});`
  })

/** Stores the own rows of the thread that there are. */
const storeOwn = (code: Code, statements: (row: number) => readonly string[]): readonly string[] =>
  upTo(code.tile.rowsEach).flatMap((j) => block(`if (first + ${j}u < ${ownCount(code)})`, statements(j)))

const ownCount = ({ size, ofKeys, attention: { S, T } }: Code): string => size(ofKeys ? T : S)
const otherCount = ({ size, ofKeys, attention: { S, T } }: Code): string => size(ofKeys ? S : T)

/** Defines what a query left behind. */
const savedOf = (code: Code, suffix: string, row: string): readonly string[] =>
  (['lse', 'delta'] as const).map((name) => `let ${name}${suffix} = load_${bufferOf(code, name)}(${row});`)

/** Defines the first and the last of the other rows that the workgroup's rows are paired with. */
function range(code: Code): readonly string[] {
  const { attention, ofKeys } = code
  const [less, more] = ofKeys ? [attention.after, attention.before] : [attention.before, attention.after]
  const all = ofKeys && mayBeBlind(attention)
  const first = has(code, 'past') ? `i32(block_first) + past` : 'i32(block_first)'
  const from = less === Infinity || all ? '0i' : `max(0i, ${first} - ${less})`
  const count = `i32(${otherCount(code)})`
  const below = more === Infinity || all ? count : `min(${count}, ${first} + ${attention.rows} + ${more})`
  return [`let range_from = ${from};`, `let range_below = ${below};`]
}

function forward(code: Code): readonly string[] {
  const { attention, tile } = code
  const { C, W, scale } = attention
  const rows = upTo(tile.rowsEach)
  const others = upTo(tile.together)
  const hasResult = has(code, 'result')
  const sink = has(code, 'sinks') ? `load_${bufferOf(code, 'sinks')}(g * ${code.size(attention.R)} + r)` : null
  const seen = (j: number, n: number): string =>
    [`t + ${n} < range_below`, visible(code, `own${j}`, `(t + ${n})`)].filter((test) => test !== null).join(' && ')
  const softmax = (j: number): readonly string[] => [
    ...others.flatMap((n) => [
      `let seen${j}_${n} = ${seen(j, n)};`,
      `let x${j}_${n} = select(${f32(UNSEEN)}, ${capped(code, `s${j}_${n}`)}, seen${j}_${n});`,
    ]),
    `let top${j} = ${others.reduce((most, n) => `max(${most}, x${j}_${n})`, `most${j}`)};`,
    `let shrink${j} = ${exp(`most${j} - top${j}`)};`,
    `most${j} = top${j};`,
    ...others.map((n) => `let p${j}_${n} = select(0.0f, ${exp(`x${j}_${n} - top${j}`)}, seen${j}_${n});`),
    `sum${j} = sum${j} * shrink${j} + ${others.map((n) => `p${j}_${n}`).join(' + ')};`,
  ]
  const blind = (j: number): readonly string[] =>
    hasResult && mayBeBlind(attention) && sink === null
      ? block(`if (most${j} <= ${f32(UNSEEN)})`, [
          `sum${j} = f32(${otherCount(code)});`,
          ...block(`for (var t = 0u; t < ${otherCount(code)}; t++)`, [
            `let row = ${keyRow(code, 't')};`,
            ...upTo(W / VEC4).map((w) => `total${j}_${w} += load4_${bufferOf(code, 'value')}(row * ${W / VEC4}u + ${w}u);`),
          ]),
        ])
      : []
  return [
    ...rows.flatMap((j) => [
      ...loadRow(code, `q${j}`, 'query', `own_row${j}`, C, scale),
      ...(hasResult ? zeros(`total${j}`, W) : []),
      `var most${j} = ${sink ?? f32(UNSEEN)};`,
      `var sum${j} = ${sink === null ? '0.0f' : '1.0f'};`,
    ]),
    ...block(`for (var t= range_from; t < range_below; t += ${tile.together})`, [
      ...others.map((n) => `let row${n} = ${keyRow(code, `u32(min(t + ${n}, range_below - 1i))`)};`),
      ...rows.flatMap((j) => others.map((n) => `var s${j}_${n} = 0.0f;`)),
      ...upTo(C / VEC4).flatMap((c) =>
        others.flatMap((n) => [
          `let k${n}_${c} = load4_${bufferOf(code, 'key')}(row${n} * ${C / VEC4}u + ${c}u);`,
          ...rows.map((j) => `s${j}_${n} += dot(q${j}_${c}, k${n}_${c});`),
        ]),
      ),
      ...rows.flatMap(softmax),
      ...(hasResult
        ? upTo(W / VEC4).flatMap((w) => [
            ...others.map((n) => `let v${n}_${w} = load4_${bufferOf(code, 'value')}(row${n} * ${W / VEC4}u + ${w}u);`),
            ...rows.map(
              (j) =>
                `total${j}_${w} = total${j}_${w} * shrink${j} + ${others.map((n) => `p${j}_${n} * v${n}_${w}`).join(' + ')};`,
            ),
          ])
        : []),
    ]),
    ...rows.flatMap(blind),
    ...storeOwn(code, (j) => [
      ...(hasResult
        ? [`let inverse${j} = 1.0f / sum${j};`, ...storeRow(code, 'result', `total${j}`, `own_row${j}`, W, `inverse${j}`)]
        : []),
      ...(has(code, 'lse_result')
        ? [
            `store_${bufferOf(code, 'lse_result')}(own_row${j}, select(most${j} + log(sum${j}), ${f32(UNSEEN)}, most${j} <= ${f32(UNSEEN)}));`,
          ]
        : []),
    ]),
  ]
}

/** Both gradients: of an own row with another one, and what that adds to the own row's sums. */
function backward(code: Code): readonly string[] {
  const { attention, tile, ofKeys, own, other } = code
  const { C, W, scale } = attention
  const rows = upTo(tile.rowsEach)
  const [toFirst, toSecond] = ofKeys ? [has(code, 'key_result'), has(code, 'value_result')] : [true, false]
  const one = (j: number): readonly string[] => {
    const [lse, delta] = ofKeys ? ['lse', 'delta'] : [`lse${j}`, `delta${j}`]
    const seen = visible(code, `own${j}`, 'o')
    const hidden = (value: string): string => (seen === null ? value : `select(0.0f, ${value}, seen${j})`)
    return [
      `let s${j} = ${capped(code, dot(`a${j}`, 'c', C))};`,
      ...(seen === null ? [] : [`let seen${j} = ${seen};`]),
      `let share${j} = ${hidden(exp(`s${j} - ${lse}`))};`,
      ...(toFirst
        ? [`let d${j} = ${hidden(`share${j} * (${dot(`e${j}`, 'f', W)} - ${delta}) * ${slope(code, `s${j}`)}`)};`]
        : []),
      ...(toSecond
        ? [
            `let w${j} = ${mayBeBlind(attention) ? `select(share${j}, 1.0f / f32(${ownCount(code)}), lse <= ${f32(UNSEEN)})` : `share${j}`};`,
          ]
        : []),
    ]
  }
  const loop = block('for (var o= range_from; o < range_below; o++)', [
    `let row = ${otherRow(code, 'u32(o)')};`,
    ...(ofKeys ? savedOf(code, '', 'row') : []),
    ...loadRow(code, 'c', other[0], 'row', C),
    ...loadRow(code, 'f', other[1], 'row', W),
    ...rows.flatMap(one),
    ...rows.flatMap((j) => [
      ...(toFirst ? upTo(C / VEC4).map((c) => `first${j}_${c} += d${j} * c_${c};`) : []),
      ...(toSecond ? upTo(W / VEC4).map((w) => `second${j}_${w} += w${j} * f_${w};`) : []),
    ]),
  ])
  return [
    ...rows.flatMap((j) => [
      ...loadRow(code, `a${j}`, own[0], `own_row${j}`, C, scale),
      ...(toFirst ? loadRow(code, `e${j}`, own[1], `own_row${j}`, W) : []),
      ...(ofKeys ? [] : savedOf(code, String(j), `own_row${j}`)),
      ...(toFirst ? zeros(`first${j}`, C) : []),
      ...(toSecond ? zeros(`second${j}`, W) : []),
    ]),
    ...(ofKeys ? block(`for (var r = 0u; r < ${code.size(attention.R)}; r++)`, loop) : loop),
    ...storeOwn(code, (j) => [
      ...(toFirst ? storeRow(code, ofKeys ? 'key_result' : 'query_result', `first${j}`, `own_row${j}`, C, null) : []),
      ...(toSecond ? storeRow(code, 'value_result', `second${j}`, `own_row${j}`, W, null) : []),
    ]),
  ]
}

/** `attentionRefusal` is null. */
export function emitAttention(attention: Attention, tile: AttentionTile, emit: ScalarEmitter): TemplateCode {
  const { role, rows, G, R, buffers } = attention
  const ofKeys = role === 'key_gradient'
  const queries = ['query', 'cotangent'] as const
  const keys = ['key', 'value'] as const
  const code: Code = { attention, tile, size: emit.size, ofKeys, own: ofKeys ? keys : queries, other: ofKeys ? queries : keys }
  const count = ownCount(code)
  const heads = ofKeys
    ? [`let g = head % ${emit.size(G)};`, `let b = head / ${emit.size(G)};`]
    : [
        `let r = head % ${emit.size(R)};`,
        `let g = head / ${emit.size(R)} % ${emit.size(G)};`,
        `let b = head / ${emit.size(R)} / ${emit.size(G)};`,
      ]
  const threads = rows / tile.rowsEach
  const lines = [
    'let workgroup = workgroup_id.x + workgroup_id.y * num_workgroups.x;',
    `if (workgroup >= ${emit.size(attentionWorkgroups(attention))}) { return; }`,
    `let blocks = ${emit.size(attentionBlocks(attention))};`,
    'let head = workgroup / blocks;',
    ...heads,
    ...(has(code, 'past') ? [`let past = load_${bufferOf(code, 'past')}(b);`] : []),
    `let block_first = workgroup % blocks * ${rows}u;`,
    `let first = block_first + thread * ${tile.rowsEach}u;`,
    ...upTo(tile.rowsEach).flatMap((j) => [
      `let own${j} = i32(min(first + ${j}u, ${count} - 1u));`,
      `let own_row${j} = ${ownRow(code, `u32(own${j})`)};`,
    ]),
    ...range(code),
    ...(role === 'forward' ? forward(code) : backward(code)),
  ]
  const body = [
    `@compute @workgroup_size(${threads})`,
    'fn main(',
    '  @builtin(workgroup_id) workgroup_id: vec3<u32>,',
    '  @builtin(num_workgroups) num_workgroups: vec3<u32>,',
    '  @builtin(local_invocation_index) thread: u32,',
    ') {',
    ...indent(lines),
    '}',
  ].join('\n')
  return {
    body,
    workgroupSize: [threads, 1, 1],
    workgroups: attentionWorkgroups(attention),
    needsSubgroups: false,
    workgroupBytes: 0,
    vec4Buffers: ([...queries, ...keys] as readonly AttentionBuffer[]).flatMap((name) => buffers[name] ?? []),
  }
}
