// A real OpenID provider on loopback, over HTTPS, for tests. tests/helpers/logins/oidc_provider.py starts it.
//
// The first line of stdin is the configuration as JSON; see `Configuration` there. It prints its address as JSON when
// it listens. `PUT /test/configuration` takes a new configuration, and `POST /test/rotate` gives it another signing
// key; sessions, grants and codes stay. It ends when stdin does.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

// The packages are in the virtual environment, and this file is not.
const require = createRequire(`${process.argv[2]}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: Provider, errors } = await load('oidc-provider');
const { createMemoryAdapter } = await load('oidc-provider/lib/adapters/memory_adapter.js');

const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));
const started = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));

const KINDS = { RS256: ['rsa', { modulusLength: 2048 }], ES256: ['ec', { namedCurve: 'P-256' }] };
const makeKeys = () => Object.entries(KINDS).map(([alg, [kind, options]]) => ({
  ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
  kid: randomBytes(6).toString('hex'), alg, use: 'sig',
}));

const adapter = createMemoryAdapter();
const cookies = { keys: [randomBytes(16).toString('hex')] };
let configuration = started.configuration;
let keys = makeKeys();
let callback;

function makeProvider(issuer) {
  const { clients, accounts, resources, default_resource: defaultResource } = configuration;
  return new Provider(issuer, {
    adapter,
    clients,
    cookies,
    jwks: { keys },
    findAccount: (_ctx, id) => accounts[id] && { accountId: id, claims: () => ({ ...accounts[id], sub: id }) },
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified', 'hd'],
      profile: ['name', 'preferred_username', 'picture'],
      groups: ['groups'],
    },
    conformIdTokenClaims: false, // Google and Entra put the claims of the scopes into ID tokens, too
    clientBasedCORS: () => false,
    // A client that registers itself may ask for the scopes of the resources, too.
    scopes: ['openid', 'offline_access', ...new Set(Object.values(resources).flatMap(({ scope }) => scope.split(' ')))],
    pkce: { required: () => true },
    extraTokenClaims: (_ctx, token) => configuration.token_claims[token.accountId],
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? defaultResource ?? undefined,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, resource) => {
          const found = resources[resource];
          if (!found) throw new errors.InvalidTarget();
          return {
            scope: found.scope,
            audience: found.audience ?? resource,
            accessTokenTTL: found.seconds ?? 600,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: found.alg ?? 'RS256' } },
          };
        },
      },
    },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600, RefreshToken: 3600 },
  });
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function control(issuer, request, response) {
  let text = '';
  for await (const chunk of request) text += chunk;
  if (request.url === '/test/rotate') {
    const { keep } = JSON.parse(text);
    keys = keep ? [...makeKeys(), ...keys] : makeKeys(); // the first key of an algorithm signs
  } else {
    configuration = JSON.parse(text);
  }
  callback = makeProvider(issuer).callback();
  answer(response, 200, { keys: keys.map((key) => key.kid) });
}

const server = createServer({ key: started.key, cert: started.cert }, (request, response) => {
  if (!request.url.startsWith('/test/')) {
    callback(request, response);
    return;
  }
  control(issuer, request, response).catch((error) => answer(response, 400, { error: `${error}` }));
});
await new Promise((resolve) => server.listen(started.port, '127.0.0.1', resolve));
const issuer = `https://localhost:${server.address().port}`;
callback = makeProvider(issuer).callback();
process.stdout.write(`${JSON.stringify({ issuer })}\n`);
