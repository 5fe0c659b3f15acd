// node-postgres as its README shows it. Reads one JSON object of settings from stdin, runs
// the named checks, prints one JSON object of results. Judged by drivers/test_node.py.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const settings = JSON.parse(readFileSync(0, 'utf8'))
const require = createRequire(settings.modules + '/')
const pg = require('pg')
const Cursor = require('pg-cursor')
const QueryStream = require('pg-query-stream')

const READ = 'select id, email, city from customers order by id'
const rows = (result) => result.rows.map((row) => Object.values(row))

function client(who) {
  const { host, port, user, password, database, ca } = settings[who]
  const ssl = ca ? { ca: readFileSync(ca, 'utf8'), servername: 'localhost' } : undefined
  return new pg.Client({ host, port, user, password, database, ssl, connectionTimeoutMillis: 15000 })
}

async function refusal(run) {
  try {
    await run()
    return { sqlstate: null }
  } catch (error) {
    return { sqlstate: error.code, detail: error.detail, hint: error.hint }
  }
}

const checks = {
  async simple(db) {
    return rows(await db.query(READ))
  },
  async parameters(db) {
    return rows(await db.query('select id, email, city from customers where id <= $1 order by id', [3]))
  },
  async named(db) {
    const query = { name: 'by-id', text: 'select id, email, city from customers where id <= $1 order by id' }
    await db.query({ ...query, values: [1] })
    return rows(await db.query({ ...query, values: [3] }))
  },
  async binary(db) {
    const result = await db.query({ text: READ, values: [], binary: true, rowMode: 'array' })
    return result.rows
  },
  async cursor(db) {
    const cursor = db.query(new Cursor(READ))
    const all = []
    for (let part = await cursor.read(1); part.length; part = await cursor.read(1)) all.push(...part)
    await cursor.close()
    return all.map(Object.values)
  },
  async severalResults(db) {
    const results = await db.query(`select 1 as one; ${READ}`)
    return rows(results[1])
  },
  async refused(db) {
    const error = await refusal(() => db.query('drop table orders'))
    return { error, after: rows(await db.query(READ)) }
  },
  async refusedPrepared(db) {
    const error = await refusal(() => db.query('delete from victim where id = $1', [1]))
    return { error, after: rows(await db.query(READ)) }
  },
  async refusedInTransaction(db) {
    await db.query('begin')
    const error = await refusal(() => db.query('drop table orders'))
    const aborted = await refusal(() => db.query('select 1'))
    await db.query('rollback')
    return { error, aborted, after: rows(await db.query(READ)) }
  },
}

const writerChecks = {
  async big(db) {
    let sum = 0
    const stream = db.query(new QueryStream('select id from work.big', [], { batchSize: 5000 }))
    for await (const row of stream) sum += row.id
    return sum
  },
  async write(db) {
    await db.query('begin')
    await db.query('insert into work.other values ($1, $2), ($3, $4)', [1, 'a', 2, 'b'])
    await db.query('commit')
    return rows(await db.query('select id, name from work.other order by id'))
  },
  async notify(db) {
    const heard = new Promise((resolve) => db.on('notification', (message) => resolve(message.payload)))
    await db.query('listen node_parcels')
    await db.query("notify node_parcels, 'hello'")
    return heard
  },
}

const results = {}
for (const [who, group] of [['reader', checks], ['writer', writerChecks]]) {
  const db = client(who)
  await db.connect()
  for (const [name, check] of Object.entries(group)) results[name] = await check(db)
  await db.end()
}
const pool = new pg.Pool({ ...settings.reader, ssl: settings.reader.ca ? { ca: readFileSync(settings.reader.ca, 'utf8') } : undefined, max: 3 })
const pooled = await Promise.all(Array.from({ length: 9 }, () => pool.query(READ)))
results.pool = rows(pooled[8])
await pool.end()
console.log(JSON.stringify(results))
