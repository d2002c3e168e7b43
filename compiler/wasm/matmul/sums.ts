/**
 * The sums of a few rows and four columns (or a multiple of four) in registers, over K in ascending order. Each sum is made the
 * same way whatever the other rows are, so the tiles that a row falls into never change its bits.
 */
import type { FunctionBody } from '../function.ts'
import { forRange, forWhole } from '../loops.ts'

const WORD = 4
const VECTOR = 4

/** Local of an address in bytes for each element along M or N. */
export interface Addresses {
  readonly rows: readonly number[]
  /** One list a right operand. */
  readonly columns: readonly (readonly number[])[]
}

export interface Multiply {
  readonly body: FunctionBody
  /** Whether products and sums may be fused, rounded once: not the same bits on every machine. */
  readonly isRelaxed: boolean
}

/** sum += a * b, all on the locals given. */
function accumulate({ body, isRelaxed }: Multiply, sum: number, a: number, b: number): void {
  if (isRelaxed) {
    body.get(a)
    body.get(b)
    body.get(sum)
    body.op('f32x4.relaxed_madd')
  } else {
    body.get(sum)
    body.get(a)
    body.get(b)
    body.op('f32x4.mul')
    body.op('f32x4.add')
  }
  body.set(sum)
}

function zeros(body: FunctionBody, count: number): readonly number[] {
  return Array.from({ length: count }, () => {
    const local = body.local('v128')
    body.v128([0, 0, 0, 0])
    body.set(local)
    return local
  })
}

function loadAt(body: FunctionBody, address: number, offset: number, mask: number | null): void {
  body.get(address)
  body.get(offset)
  body.op('i32.add')
  body.load('v128.load')
  if (mask === null) return
  body.get(mask)
  body.op('v128.and')
}

/**
 * Both operands K-major: four elements of K at a time, a vector of partial sums for each row and column, added up at the end.
 * `k` is a local; the locals that are returned hold the sums of four columns of a row, by right operand and row.
 */
export function kMajorSums(
  multiply: Multiply,
  { rows, columns }: Addresses,
  k: number,
  knownK: number | undefined,
): readonly (readonly number[])[] {
  const { body } = multiply
  const sums = columns.map((right) => rows.map(() => zeros(body, right.length)))
  const [a, bytes] = [body.local('v128'), body.local('i32')]
  const step = (offset: number, mask: number | null): void => {
    const loaded = columns.map((right) =>
      right.map((address) => {
        const b = body.local('v128')
        loadAt(body, address, offset, mask)
        body.set(b)
        return b
      }),
    )
    rows.forEach((row, r) => {
      loadAt(body, row, offset, mask)
      body.set(a)
      loaded.forEach((right, p) => right.forEach((b, c) => accumulate(multiply, sums[p][r][c], a, b)))
    })
  }
  body.get(k)
  body.i32(2)
  body.op('i32.shl')
  body.set(bytes)
  body.i32(0)
  const rest = forWhole(body, bytes, VECTOR * WORD, (offset) => step(offset, null))
  if (knownK === undefined || knownK % VECTOR !== 0) {
    body.get(rest)
    body.get(bytes)
    body.op('i32.lt_u')
    body.when(() => {
      const mask = body.local('v128')
      // elements of K that are left, as a mask: place * 4 < bytes - offset
      body.v128([0, 4, 8, 12])
      body.get(bytes)
      body.get(rest)
      body.op('i32.sub')
      body.op('i32x4.splat')
      body.op('i32x4.lt_u')
      body.set(mask)
      step(rest, mask)
    })
  }
  return sums.map((right) => right.map((row) => addUp(body, row)))
}

const words = (places: readonly number[]): readonly number[] =>
  places.flatMap((place) => [0, 1, 2, 3].map((byte) => WORD * place + byte))

/** The sums of the words of four vectors, as one vector. */
function addUp(body: FunctionBody, vectors: readonly number[]): number {
  const [a, b, c, d] = vectors
  /** (x0 + x2, x1 + x3, y0 + y2, y1 + y3) */
  const fold = (x: number, y: number): number => {
    const out = body.local('v128')
    body.get(x)
    body.get(y)
    body.shuffle(words([0, 1, 4, 5]))
    body.get(x)
    body.get(y)
    body.shuffle(words([2, 3, 6, 7]))
    body.op('f32x4.add')
    body.set(out)
    return out
  }
  const [left, right] = [fold(a, b), fold(c, d)]
  const out = body.local('v128')
  body.get(left)
  body.get(right)
  body.shuffle(words([0, 2, 4, 6]))
  body.get(left)
  body.get(right)
  body.shuffle(words([1, 3, 5, 7]))
  body.op('f32x4.add')
  body.set(out)
  return out
}

/** How the columns of a right operand are read at one k. */
export interface Columns {
  /** Runs before the vectors of an index of the range of K. */
  readonly begin: (index: number) => void
  /** Leaves four neighbouring columns on the stack. */
  readonly vector: (v: number) => void
}

/**
 * Some operand is MN-major: a vector of neighbouring columns at each k times one element of each row. `left` leaves the
 * element of a row in all four places of a vector; `from` and `below` are locals.
 */
export function outerSums(
  multiply: Multiply,
  shape: { readonly rows: number; readonly vectors: number },
  range: { readonly from: number; readonly below: number },
  rights: readonly Columns[],
  left: { readonly begin: (index: number) => void; readonly splat: (row: number, index: number) => void },
): readonly (readonly (readonly number[])[])[] {
  const { body } = multiply
  const sums = rights.map(() => Array.from({ length: shape.rows }, () => zeros(body, shape.vectors)))
  const a = body.local('v128')
  const loaded = rights.map(() => Array.from({ length: shape.vectors }, () => body.local('v128')))
  body.get(range.from)
  forRange(body, range.below, 1, (index) => {
    rights.forEach((right, p) => {
      right.begin(index)
      loaded[p].forEach((local, v) => {
        right.vector(v)
        body.set(local)
      })
    })
    left.begin(index)
    for (let r = 0; r < shape.rows; r++) {
      left.splat(r, index)
      body.set(a)
      loaded.forEach((vectors, p) => vectors.forEach((b, v) => accumulate(multiply, sums[p][r][v], a, b)))
    }
  })
  return sums
}
