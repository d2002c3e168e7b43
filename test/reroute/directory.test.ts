import { expect, test } from 'vitest'
import { cutConfig } from '../../cli/reroute/directory.ts'

test('numbers of a config stay as they are written', () => {
  const text = cutConfig('{"num_experts": 8, "limit": [0.0, Infinity, -Infinity, NaN], "num_local_experts": 9}', 8, 6)
  expect(text.replaceAll(/\s+/g, '')).toBe('{"num_experts":6,"limit":[0.0,Infinity,-Infinity,NaN],"num_local_experts":9}')
})
