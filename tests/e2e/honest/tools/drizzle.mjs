// drizzle: its migrator over a folder as drizzle-kit writes it, then queries.

import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { load, require, run, settings } from './steps.mjs'

const pg = require('pg')
const { drizzle } = await load('drizzle-orm/node-postgres')
const { migrate } = await load('drizzle-orm/node-postgres/migrator')
const { sql, eq } = await load('drizzle-orm')
const { pgTable, serial, text, integer } = await load('drizzle-orm/pg-core')

const folder = mkdtempSync(join(tmpdir(), 'portreeve-drizzle-'))
mkdirSync(join(folder, 'meta'))
const entry = (idx, tag) => ({ idx, version: '7', when: 1700000000000 + idx, tag, breakpoints: true })
writeFileSync(
  join(folder, 'meta', '_journal.json'),
  JSON.stringify({ version: '7', dialect: 'postgresql', entries: [entry(0, '0000_one'), entry(1, '0001_two')] }),
)
writeFileSync(
  join(folder, '0000_one.sql'),
  `DO $$ BEGIN
 CREATE TYPE "dz_mood" AS ENUM('glad', 'sad');
EXCEPTION
 WHEN duplicate_object THEN null;
END $$;
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "dz_author" ("id" serial PRIMARY KEY NOT NULL, "name" text NOT NULL, "mood" "dz_mood");
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "dz_by_name" ON "dz_author" USING btree ("name");`,
)
writeFileSync(
  join(folder, '0001_two.sql'),
  `CREATE TABLE IF NOT EXISTS "dz_book" ("id" serial PRIMARY KEY NOT NULL, "author" integer);
--> statement-breakpoint
DO $$ BEGIN
 ALTER TABLE "dz_book" ADD CONSTRAINT "dz_fk" FOREIGN KEY ("author") REFERENCES "public"."dz_author"("id");
EXCEPTION
 WHEN duplicate_object THEN null;
END $$;`,
)
const author = pgTable('dz_author', { id: serial('id').primaryKey(), name: text('name').notNull() })
const other = pgTable('other', { id: integer('id').primaryKey(), name: text('name') })
const { host, port, user, password, database } = settings
const pool = new pg.Pool({ host, port, user, password, database, max: 2 })
const db = drizzle(pool)

await run(
  {
    migrate: () => migrate(db, { migrationsFolder: folder }),
    'migrate-again': () => migrate(db, { migrationsFolder: folder }),
    insert: () => db.insert(author).values({ name: 'a' }).returning(),
    select: () => db.select().from(author).where(eq(author.name, 'a')),
    transaction: () => db.transaction((tx) => tx.insert(author).values({ name: 'b' })),
    raw: () => db.execute(sql`select ${1}::int as one`),
    orders: () => db.execute(sql`select id, article from orders where id = ${3}`),
  },
  () => pool.end(),
)
