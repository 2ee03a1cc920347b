// SPDX-License-Identifier: Apache-2.0
// The peer: an echo tool on the official TypeScript SDK, by its faster ways: the plain Server, which does not
// check arguments, and JSON instead of a stream. `echo.mjs stdio`, or `echo.mjs http`, which prints its port.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const server = new Server({ name: "echo", version: "1" }, { capabilities: { tools: {} } });
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => ({
	content: [{ type: "text", text: params.arguments.text }],
}));

if (process.argv[2] === "stdio") {
	await server.connect(new StdioServerTransport());
} else {
	const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID, enableJsonResponse: true });
	await server.connect(transport);
	const http = createServer((request, response) => transport.handleRequest(request, response));
	http.listen(0, "127.0.0.1", () => console.log(http.address().port));
}
