// knex: migrations with its lock table, schema questions, a transaction, and back.

import { require, run, settings } from './steps.mjs'

const knex = require('knex')({
  client: 'pg',
  connection: { host: settings.host, port: settings.port, user: settings.user, password: settings.password, database: settings.database },
  pool: { min: 0, max: 2 },
})
const migrations = {
  one: {
    up: (db) =>
      db.schema.createTable('kx_author', (table) => {
        table.increments('id')
        table.string('name').notNullable().index()
        table.timestamps(true, true)
        table.enu('mood', ['glad', 'sad'], { useNative: true, enumName: 'kx_mood' })
      }),
    down: (db) => db.schema.dropTable('kx_author').then(() => db.raw('drop type kx_mood')),
  },
  two: {
    up: async (db) => {
      await db.schema.createTable('kx_book', (table) => {
        table.increments('id')
        table.integer('author').references('kx_author.id').onDelete('cascade')
        table.jsonb('extra')
      })
      await db('kx_author').insert({ name: 'a' })
      await db.schema.alterTable('kx_author', (table) => table.string('nick').defaultTo('n'))
    },
    down: async (db) => {
      await db.schema.dropTable('kx_book')
      await db.schema.alterTable('kx_author', (table) => table.dropColumn('nick'))
    },
  },
}
const migrationSource = {
  getMigrations: async () => Object.keys(migrations),
  getMigrationName: (name) => name,
  getMigration: async (name) => migrations[name],
}

await run(
  {
    latest: () => knex.migrate.latest({ migrationSource }),
    'current-version': () => knex.migrate.currentVersion({ migrationSource }),
    'has-table': () => knex.schema.hasTable('orders'),
    'column-info': () => knex('orders').columnInfo(),
    insert: () => knex('work.items').insert({ name: 'x', tags: ['a'] }).returning('*'),
    upsert: () => knex('work.other').insert({ id: 1, name: 'a' }).onConflict('id').merge(),
    transaction: () => knex.transaction((trx) => trx('work.other').where('id', 1).update({ name: 'b' })),
    lock: () => knex.transaction((trx) => trx('work.other').where('id', 1).forUpdate().select()),
    rollback: () => knex.migrate.rollback({ migrationSource }, true),
  },
  () => knex.destroy(),
)
