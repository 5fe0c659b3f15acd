// pg-boss: it makes its schema, partitions and functions, then queues and works.

import { require, run, settings } from './steps.mjs'

const PgBoss = require('pg-boss')
const { host, port, user, password, database } = settings
const boss = new PgBoss({ host, port, user, password, database, max: 2, schedule: false, supervise: false })
boss.on('error', () => {})

await run(
  {
    start: () => boss.start(),
    'create-queue': () => boss.createQueue('mail'),
    send: () => boss.send('mail', { to: 7 }),
    fetch: async () => {
      const [job] = await boss.fetch('mail')
      if (job?.data?.to !== 7) throw new Error(`no job, or another payload: ${JSON.stringify(job)}`)
      await boss.complete('mail', job.id)
    },
    size: () => boss.getQueueSize('mail'),
    maintain: () => boss.maintain(),
  },
  () => boss.stop({ graceful: false, wait: false }).catch(() => {}),
)
