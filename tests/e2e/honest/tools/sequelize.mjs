// sequelize: sync, whole-row saves, associations, introspection.

import { require, run, settings } from './steps.mjs'

const { Sequelize, DataTypes } = require('sequelize')
const { host, port, user, password, database } = settings
const db = new Sequelize(database, user, password, { host, port, dialect: 'postgres', logging: false, pool: { max: 2 } })
const Person = db.define('sq_person', {
  email: { type: DataTypes.STRING, unique: true },
  full_name: DataTypes.STRING,
  mood: DataTypes.ENUM('glad', 'sad'),
})
const Pet = db.define('sq_pet', { name: DataTypes.STRING })
Person.hasMany(Pet)

await run(
  {
    authenticate: () => db.authenticate(),
    sync: () => db.sync(),
    'sync-alter': () => db.sync({ alter: true }),
    create: () => Person.create({ email: 'zq7marker@leak-q7.example', full_name: 'Ada', mood: 'glad' }),
    'save-some': async () => {
      const person = await Person.findOne()
      person.mood = 'sad'
      await person.save()
    },
    include: () => Person.findAll({ include: Pet }),
    transaction: () => db.transaction((t) => Pet.create({ name: 'x' }, { transaction: t })),
    describe: () => db.getQueryInterface().describeTable('orders'),
    schemas: () => db.showAllSchemas(),
  },
  () => db.close(),
)
