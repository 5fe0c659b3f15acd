// What the node tools share: settings from stdin, steps one by one, results as JSON.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

export const settings = JSON.parse(readFileSync(0, 'utf8'))
export const require = createRequire(settings.modules + '/')
const pg = require('pg')

let last = null
const query = pg.Client.prototype.query
pg.Client.prototype.query = function (config, ...more) {
  last = typeof config === 'string' ? config : (config?.text ?? last)
  return query.call(this, config, ...more)
}

export async function load(name) {
  return import(pathToFileURL(require.resolve(name)))
}

export async function run(steps, end) {
  const results = {}
  for (const [name, step] of Object.entries(steps)) {
    try {
      await step()
      results[name] = null
    } catch (error) {
      const inner = error.original ?? error.cause ?? error
      results[name] = {
        sqlstate: inner.code ?? null,
        message: String(inner.message),
        statement: inner.sql ?? inner.query ?? last,
      }
    }
  }
  await end?.()
  process.stdout.write('\n' + JSON.stringify(results), () => process.exit(0))
}
