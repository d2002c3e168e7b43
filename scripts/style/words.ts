/**
 * Words that shut out a reader who knows the field, and the field's terms. docs/glossary.md has the terms that are the house's
 * own.
 */

export interface Word {
  /** In a line; an identifier is searched by its parts. */
  readonly pattern: RegExp
  /** What to write instead. */
  readonly instead: string
  /** Below these folders, or everywhere: elsewhere the word has its plain meaning. */
  readonly where?: readonly string[]
  /** Whether it is looked for in what users read alone: strings of sources that are not tests. */
  readonly isMessage?: true
  /** Files where it may stand. */
  readonly allowed?: readonly Allowed[]
}

export interface Allowed {
  readonly path: RegExp
  readonly reason: string
}

/** A whole word, also as a part of an identifier: `taught` in `taught`, `isTaught`, `taughtWeights` and `taught_weights`. */
const part = (word: string): RegExp => {
  const capital = word[0].toUpperCase() + word.slice(1)
  return new RegExp(`(?<![A-Za-z])(?:${word}|${capital})(?![a-z])|(?<=[a-z0-9])${capital}(?![a-z])`)
}

const KERNELS = ['compiler/kernel', 'compiler/wgsl', 'compiler/scalar', 'test/kernel', 'test/wgsl', 'test/scalar'] as const
const FUSION = ['compiler/kernel', 'test/kernel'] as const
const LOWERING = ['compiler/lower', 'test/lower', 'std'] as const
const LEARNING = ['training', 'test/training', 'cli/training', 'plan', 'runtime', 'compiler'] as const

export const WORDS: readonly Word[] = [
  // fusion and scheduling
  { pattern: /\blies? (anyway )?in memory\b|liesAnyway|mustLie/, instead: 'is materialized, must be materialized' },
  { pattern: /storeWhatIsRead/, instead: 'materialize' },
  { pattern: part('conced(?:e|es|ed|ing)'), instead: 'back off, split' },
  { pattern: part('loose'), instead: 'unfused, inlined', where: FUSION },
  { pattern: /keptOf|WORTH_REPEATING/, instead: 'recompute or store' },
  { pattern: part('exits'), instead: 'live-outs', where: FUSION },
  {
    pattern: part('heads'),
    instead: 'GEMM with a top-k epilogue, gating kernel',
    where: FUSION,
    allowed: [{ path: /attention/, reason: 'the heads of attention' }],
  },
  { pattern: part('twins?'), instead: 'sibling GEMMs', where: KERNELS },
  { pattern: /\b(DEAR|CHEAP)\b/, instead: 'a named cost of the cost model' },
  { pattern: part('regimes?'), instead: 'variant: decode or prefill' },
  // matrix products and their tiles
  {
    pattern: /\bturned\b(?! into)(?! off)(?! on)(?! up)/,
    instead: 'transposed',
    where: ['compiler', ...KERNELS],
    allowed: [{ path: /jacobi|\/svd\//, reason: 'a rotation turns vectors' }],
  },
  {
    pattern: /\b[Ff]ourfold|isFourfold|[Qq]uads?\b|\bby fours\b/,
    instead: 'vectorized, vec4, divisible by 4',
    where: ['compiler', ...KERNELS],
  },
  { pattern: /isPartFull/, instead: 'K tail' },
  { pattern: /\balong the (depth|lines)\b|'depth'|'lines'/, instead: 'K-major, MN-major', where: KERNELS },
  { pattern: /\bCut\b|\bfinishBlock\b/, instead: 'tile shape; epilogue', where: KERNELS },
  { pattern: part('routines?'), instead: 'kernel template', where: ['compiler', ...KERNELS] },
  {
    pattern: part('lanes?'),
    instead: 'invocation, thread',
    allowed: [
      {
        path: /^(compiler\/wgsl\/templates\/matmul_subgroup|cli\/commands\/doctor|test\/runtime\/)/,
        reason: 'lanes of a subgroup or a vector unit',
      },
      { path: /^(compiler|test)\/wasm\//, reason: 'WebAssembly calls the places of a vector lanes' },
    ],
  },
  { pattern: /\bby rows (together|alone)\b|'rows (together|alone)'/, instead: 'workgroup per row, thread per row' },
  { pattern: part('spell(?:s|ed|er|ers|ing|ings)?'), instead: 'emit, emitter, code generation', where: KERNELS },
  // the graph and its gradients
  { pattern: /\b[Ww]ay(s)? back\b/, instead: 'backward pass' },
  { pattern: /\b[Ww]ay(s)? forward\b/, instead: 'forward pass' },
  { pattern: part('taught'), instead: 'trainable, reached by a gradient' },
  {
    pattern: /\bhalves\b|\bHalves\b|[a-z]Halves\b/,
    instead: 'f16 values, cast to f16, autocast',
    where: LEARNING,
    allowed: [
      { path: /^training\/data\/binary/, reason: 'the halves of a file' },
      { path: /^compiler\/(wgsl\/opcodes|wasm\/math)/, reason: 'the halves of a word' },
    ],
  },
  { pattern: /\bisSound\b|\bMOST_NORM\b/, instead: 'finite-gradient check' },
  { pattern: /\bmemoryWords\b|\bmemory of (the|an) optimi[sz]er\b/, instead: 'optimizer state' },
  { pattern: /\bMovedWeight\b/, instead: 'a member of a flat parameter bucket' },
  { pattern: /\bcounts? told\b|\bis told to\b/, instead: 'routing decision, reported decision', where: LOWERING },
  { pattern: part('everyone'), instead: 'dense evaluation of all experts', where: LOWERING },
  {
    pattern: part('contest(?:s|ant|ants)?'),
    instead: 'competition step',
    allowed: [
      { path: /^test\/training\/checkpoint\/saved|^training\/checkpoint|^plan\/recipe/, reason: 'recipes of version 1 have it' },
      { path: /^docs\/language/, reason: 'a policy of an example is called so' },
      { path: /^docs\/decisions\/names-of-training/, reason: 'it says what the old name was' },
      { path: /^(cli\/training\/verdict|test\/std\/names)/, reason: 'recorded runs have a loss contest_balance' },
    ],
  },
  {
    pattern: /\b([Tt]he|expert|experts') answers\b|\bwantAnswers\b/,
    instead: 'expert outputs; metrics of a batch',
  },
  // training and running
  { pattern: /\blook(ed)?\b(?! (like|at|up|for))/, instead: 'evaluation step', where: ['training'] },
  {
    pattern: part('pace'),
    instead: 'throughput, ETA',
    where: ['training', 'test/training', 'cli/training'],
    allowed: [{ path: /^training\/record\/earlier|^test\/training\/record/, reason: 'records of earlier versions have it' }],
  },
  {
    pattern: /\bGround\b|\bground\.|\bcreateTurns\b/,
    instead: 'shared resources; queue lock',
    where: ['runtime', 'test/runtime'],
  },
  // messages
  {
    pattern: /(?<!there )(?<!There )\bis no (?!more\b|longer\b)[a-z]/,
    instead: 'is not a ...; names what was expected',
    isMessage: true,
  },
  { pattern: /\bthere is no [^.;:]* here\b/, instead: 'unknown ...; ... is not defined', isMessage: true },
  { pattern: /\b(files?|rooms) (is |are )?in order\b/, instead: 'no problems found', isMessage: true },
  { pattern: /\btalk to stderr\b/, instead: 'logs to stderr' },
]
