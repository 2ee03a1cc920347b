// SPDX-License-Identifier: Apache-2.0
// sdk.mjs 1|2-legacy|2-modern stdio|http TARGET: the official SDK's client against questd. Prints a
// line a promise; what fails throws. TARGET: JSON, {command, args} or {url, token}. A line on stdin
// says that the server was restarted (asked for with a line "restart").
import assert from 'node:assert/strict';
import readline from 'node:readline';

const [generation, carrier, target] = [process.argv[2], process.argv[3], JSON.parse(process.argv[4])];
const isModern = generation === '2-modern';
const one = generation === '1';
const sdk = one
    ? {
          ...(await import('@modelcontextprotocol/sdk/client/index.js')),
          ...(await import('@modelcontextprotocol/sdk/client/stdio.js')),
          ...(await import('@modelcontextprotocol/sdk/client/streamableHttp.js')),
          ...(await import('@modelcontextprotocol/sdk/types.js'))
      }
    : { ...(await import('@modelcontextprotocol/client')), ...(await import('@modelcontextprotocol/client/stdio')) };

function transport() {
    return carrier === 'stdio'
        ? new sdk.StdioClientTransport({ ...target, stderr: 'inherit' })
        : new sdk.StreamableHTTPClientTransport(new URL(target.url), {
              requestInit: { headers: { Authorization: `Bearer ${target.token}` } }
          });
}

async function connect() {
    const client = new sdk.Client(
        { name: 'questd-tests', version: '1' },
        { capabilities: { elicitation: { form: {} } }, ...(isModern ? { versionNegotiation: { mode: { pin: '2026-07-28' } } } : {}) }
    );
    if (one) client.setRequestHandler(sdk.ElicitRequestSchema, yes);
    else client.setRequestHandler('elicitation/create', yes);
    await client.connect(transport());
    return client;
}

async function yes() {
    return { action: 'accept', content: { confirm: true } };
}

function call(client, name, args, options) {
    return one ? client.callTool({ name, arguments: args }, undefined, options) : client.callTool({ name, arguments: args }, options);
}

// Resolves with the next notification of that method.
function next(client, method, schema) {
    return new Promise(resolve => {
        if (one) client.setNotificationHandler(sdk[schema], resolve);
        else client.setNotificationHandler(method, resolve);
    });
}

const say = what => console.log('ok', what);
let client = await connect();
if (!one) assert.equal(client.getProtocolEra(), isModern ? 'modern' : 'legacy');
assert.equal(client.getServerVersion()?.name, 'questd');
assert.match(client.getInstructions(), /quests_claim/);
say('connects');

const { tools } = await client.listTools();
assert.ok(tools.some(t => t.name === 'quests_create'));
assert.ok((await client.listPrompts()).prompts.length >= 4);
assert.ok((await client.listResourceTemplates()).resourceTemplates.length >= 4);
await client.listResources();
say('lists');

const quest = (await call(client, 'quests_create', { subject: `by SDK ${generation} over ${carrier}` })).structuredContent;
assert.match(quest.short_id, /^q-\d+$/);
const wrong = await call(client, 'quests_get', { id: 'q-99999' });
assert.equal(wrong.isError, true);
await assert.rejects(call(client, 'no_such_tool', {}));
const uri = `questd://quest/${quest.short_id}`;
assert.match((await client.readResource({ uri })).contents[0].text, /by SDK/);
assert.match((await client.getPrompt({ name: 'write_outcome', arguments: { quest: quest.short_id } })).messages[0].content.text, /by SDK/);
const completion = await client.complete({ ref: { type: 'ref/prompt', name: 'write_outcome' }, argument: { name: 'quest', value: quest.short_id } });
assert.deepEqual(completion.completion.values.includes(quest.short_id), true);
say('calls');

const seen = [];
await call(client, 'system_backup', {}, { onprogress: p => seen.push(p.progress) });
assert.ok(seen.length > 0 && seen.every((v, i) => i === 0 || v > seen[i - 1]), `progress: ${seen}`);
say('progress');

const idea = (await call(client, 'ideas_store', { name: `gone ${generation} ${carrier}`, content: 'x' })).structuredContent;
assert.equal((await call(client, 'ideas_delete', { id: idea.id })).structuredContent.deleted, true);
say('elicitation');

const abort = new AbortController();
const waiting = call(client, 'quests_wait', { id: quest.id, timeout_s: 40 }, { signal: abort.signal });
setImmediate(() => abort.abort());
await assert.rejects(waiting);
assert.ok((await client.listTools()).tools.length);
say('cancel');

const updated = next(client, 'notifications/resources/updated', 'ResourceUpdatedNotificationSchema');
if (isModern) {
    const subscription = await client.listen({ resourceSubscriptions: [uri] });
    assert.deepEqual(subscription.honoredFilter.resourceSubscriptions, [uri]);
} else {
    await client.subscribeResource({ uri });
}
await call(client, 'quests_update', { id: quest.id, priority: 'high' });
assert.equal((await updated).params.uri, uri);
say('subscribe');

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
console.log('restart');
await lines.next();
if (carrier === 'http' && !isModern) {
    // The session went with the server: the client is told so (404) and begins anew.
    await assert.rejects(client.listTools());
    await client.close().catch(() => {});
    client = await connect();
}
const again = (await call(client, 'quests_get', { id: quest.id })).structuredContent;
assert.equal(again.priority, 'high');
say('reconnect');
await client.close();
process.exit(0);
