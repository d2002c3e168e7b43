import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { assign, runByExpert } from '../../../../bench/peers/runners/by-expert.ts'
import { loadPeer } from '../../../../bench/peers/runners/load-peer.ts'

function inFolder(check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'smoe-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{}')
    check(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('a peer that is not installed is absent, and so is one that does not load: each says why', () =>
  inFolder((folder) => {
    const absent = expect.objectContaining({ name: 'AbsentError' })
    expect(() => loadPeer('onnxruntime-node', folder)).toThrow(`onnxruntime-node is not installed in ${folder}`)
    expect(() => loadPeer('onnxruntime-node', folder)).toThrow(absent)
    const home = join(folder, 'node_modules/broken')
    mkdirSync(home, { recursive: true })
    writeFileSync(join(home, 'package.json'), '{ "version": "1.2.3", "main": "main.js" }')
    writeFileSync(join(home, 'main.js'), 'throw new Error("no such processor")')
    expect(() => loadPeer('broken', folder)).toThrow('broken does not load: no such processor')
    writeFileSync(join(home, 'main.js'), 'exports.one = 1')
    expect(loadPeer('broken', folder)).toEqual({ module: { one: 1 }, version: '1.2.3' })
  }))

test('tokens are assigned to their largest logits, ties to the lower index, and their shares sum to 1', () => {
  const [a, b, c] = assign(Float32Array.of(0, 1, 1, 3, 0, 3), { experts: 3, k: 2, width: 1, hidden: 1 })
  expect(a).toEqual([{ token: 1, share: 0.5 }])
  expect(b).toEqual([{ token: 0, share: 0.5 }])
  expect(c).toEqual([
    { token: 0, share: 0.5 },
    { token: 1, share: 0.5 },
  ])
})

test('rows of an expert are gathered, weighted and summed', async () => {
  const size = { experts: 2, k: 1, width: 2, hidden: 1 }
  const y = await runByExpert(Float32Array.of(1, 2, 3, 4, 5, 6), size, {
    route: async () => Float32Array.of(1, 0, 0, 1, 1, 0),
    expert: async (expert, rows, count) => {
      expect(count).toBe(expert === 0 ? 2 : 1)
      return rows.map((value) => value * (expert + 1) * 10)
    },
  })
  expect([...y]).toEqual([10, 20, 60, 80, 50, 60])
})
