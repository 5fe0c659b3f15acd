// A certified OpenID provider for the tests: `node provider.mjs MODULES PORT`.
// Client `robot` gets tokens of its own; people log in at client `tool` by any name.
// Access tokens for the resource `urn:portreeve` are JWTs of RFC 9068, signed with RS256.

import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const [modules, port] = process.argv.slice(2)
const require = createRequire(modules + '/')
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')))

const issuer = `http://127.0.0.1:${port}`
const groups = { robot: ['analysts'], carol: ['analysts'], mallory: [] }

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'robot',
      client_secret: 'robot-secret-of-the-tests',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'tool',
      client_secret: 'tool-secret-of-the-tests',
      grant_types: ['authorization_code'],
      redirect_uris: ['http://127.0.0.1/callback'],
      response_types: ['code'],
      application_type: 'native',
    },
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:portreeve',
      useGrantedResource: () => true,
      getResourceServerInfo: (_context, resource) => ({
        scope: 'query',
        audience: resource === 'urn:portreeve' ? 'portreeve' : resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 600,
        jwt: { sign: { alg: 'RS256' } },
      }),
    },
  },
  extraTokenClaims: (_context, token) => ({
    groups: groups[token.accountId ?? token.clientId] ?? [],
    purpose: 'support',
  }),
  findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  pkce: { required: () => false },
  scopes: ['openid', 'query'],
  cookies: { keys: ['only for tests'] },
})
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'))
