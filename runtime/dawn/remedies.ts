/** The commands that install what is missing: from the lock file in a checkout, from the registry for an installed package. */

/** How Dawn is named among the attempts where it cannot be loaded. */
export const DAWN = 'Dawn (the npm package webgpu)'

/** Defined by the bundler of the package. */
declare const IS_PACKAGE: boolean | undefined

/** The version whose archive `swiftshader.ts` reads, the same as in devDependencies. */
const CHROMIUM = '@sparticuz/chromium@147.0.0'

interface Remedies {
  readonly dawn: string
  readonly swiftShader: string
  /** Null if its setup script is not available. */
  readonly lavapipe: string | null
  readonly loader: string
}

const CHECKOUT: Remedies = {
  dawn: 'npm ci',
  swiftShader: 'npm ci',
  lavapipe: 'npm run setup:lavapipe',
  loader: 'npm run setup:lavapipe',
}

const PACKAGE: Remedies = {
  dawn: 'npm install webgpu',
  swiftShader: `npm install --save-dev ${CHROMIUM}`,
  lavapipe: null,
  loader: `npm install --save-dev ${CHROMIUM}`,
}

export const remedies: Remedies = typeof IS_PACKAGE !== 'undefined' && IS_PACKAGE ? PACKAGE : CHECKOUT
