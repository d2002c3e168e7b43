/**
 * What an installed package needs for WebGPU, and the page of `examples/programs` in a browser.
 * @module-tag long
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { browserPath } from '../../support/chromium.ts'
import { root } from '../../support/sources.ts'
import { createProject, install, installing, LINE } from './project.ts'

const project = createProject()
const { folder, shell } = project
const readme = readFileSync(join(root, 'README.md'), 'utf8')

beforeAll(() => {
  install(project)
  const [copy] = /^cp -r node_modules.*$/m.exec(readme) ?? []
  const prepared = shell(
    `${copy ?? 'false'} && cp examples/programs/next-token.* . && smoe import examples/tiny-mixtral -o mixtral.smoe`,
  )
  if (prepared.code !== 0) throw new Error(prepared.text)
}, 600_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.sequential('an installed package', () => {
  test('a plan for WebGPU is refused where nothing runs it, with what brings an adapter; and that brings it', () => {
    expect(shell('smoe compile mixtral.smoe -o out').code).toBe(0)
    const { text, code } = shell('node next-token.js')
    expect(code).not.toBe(0)
    expect(text).toContain('no WebGPU adapter')
    expect(text).toContain('install it with: npm install webgpu')
    const [, command] = /SwiftShader .*install it with: (npm install .*)/.exec(text) ?? []
    expect(readme).toContain(command)
    expect(shell(installing('npm install webgpu')).code).toBe(0)
    expect(shell(installing(command)).code).toBe(0)
    expect(shell('smoe doctor').text).toContain('SwiftShader Device')
    expect(shell('node next-token.js').text).toContain(LINE)
  }, 300_000)

  const path = browserPath()
  test.skipIf(path === null)('the page runs in a browser', { timeout: 300_000 }, async () => {
    const server = spawn(process.execPath, ['examples/programs/serve.js', '0'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const browser = await chromium.launch({
      executablePath: path!,
      args: [
        '--no-sandbox',
        '--disable-background-networking',
        '--disable-component-update',
        '--enable-unsafe-webgpu',
        '--use-webgpu-adapter=swiftshader',
        '--enable-features=Vulkan',
      ],
    })
    try {
      const [address] = (await once(server.stdout, 'data')) as [Buffer]
      const page = await browser.newPage()
      await page.goto(String(address).trim())
      await page.waitForSelector('#run:enabled', { timeout: 120_000 })
      await page.click('#run')
      await page.waitForFunction(() => document.getElementById('said')!.textContent!.startsWith('logits'), null, {
        timeout: 60_000,
      })
      expect(await page.textContent('#said')).toBe(LINE)
    } finally {
      await browser.close()
      server.kill()
    }
  })
})
