/** What repeats a property that failed: FC_SEED and FC_PATH as it has printed them. */
const { FC_SEED, FC_PATH } = process.env

export const replay = {
  ...(FC_SEED === undefined ? {} : { seed: Number(FC_SEED) }),
  ...(FC_PATH === undefined ? {} : { path: FC_PATH }),
}
