// SPDX-License-Identifier: Apache-2.0
// One of the job queues that questd is held against, driven as its documentation tells whoever wants speed:
// `peer.mjs graphile-worker|pg-boss|bullmq SOCKET`. Reads commands, answers each with a line of JSON:
//   fill N              puts N jobs there, with the bulk call
//   create N SECONDS    N callers, each awaiting its job's commit before the next: jobs a second
//   work N SECONDS      N takers, one job a claim, each completion acknowledged: jobs a second
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

const WARM_MS = 300, CHUNK = 5000, CLIENTS_MAX = 64;
const payload = { n: 1 }, result = { n: 1 };
const now = () => performance.now();

/* Rounds a second of n loops, each awaiting its own round. */
async function rateOf(n, seconds, round) {
	const from = now() + WARM_MS, until = from + seconds * 1000;
	let done = 0;
	await Promise.all(Array.from({ length: n }, async () => {
		while (now() < until) {
			await round();
			done += now() >= from && now() < until;
		}
	}));
	return done / seconds;
}

/* In a transaction of its own each: what a job queue on PostgreSQL does when it is not told otherwise. */
async function graphileWorker(socket) {
	const { Logger, makeWorkerUtils, run } = await import("graphile-worker");
	const { default: pg } = await import("pg");
	const logger = new Logger(() => () => {});
	const pool = new pg.Pool({ host: socket, user: "postgres", database: "graphile", max: CLIENTS_MAX + 8 });
	const utils = await makeWorkerUtils({ pgPool: pool, logger });
	await utils.migrate();
	// Its takers do not wait for their completions: they are acknowledged when no connection is busy.
	const settled = async () => {
		while (pool.waitingCount || pool.idleCount < pool.totalCount)
			await sleep(1);
	};
	return {
		fill: (n) => utils.addJobs(Array.from({ length: n }, () => ({ identifier: "bench", payload }))),
		create: () => utils.addJob("bench", payload),
		async work(n, seconds) {
			let done = 0;
			const runner = await run({ pgPool: pool, logger, concurrency: n, noHandleSignals: true,
				taskList: { bench: async () => { done++; } } });
			await sleep(WARM_MS);
			const from = now(), before = done;
			await sleep(seconds * 1000);
			await runner.stop();
			await settled();
			return (done - before) / ((now() - from) / 1000);
		},
	};
}

/* By fetch and complete: its own worker would wait for its poll after every job. Maintenance is off. */
async function pgBoss(socket) {
	const { PgBoss } = await import("pg-boss");
	const boss = new PgBoss({ host: socket, user: "postgres", database: "boss", max: CLIENTS_MAX, supervise: false, schedule: false });
	boss.on("error", (fault) => { throw fault; });
	await boss.start();
	await boss.createQueue("bench");
	return {
		fill: (n) => boss.insert("bench", Array.from({ length: n }, () => ({ data: payload }))),
		create: () => boss.send("bench", payload),
		work: (n, seconds) => rateOf(n, seconds, async () => {
			const [job] = await boss.fetch("bench");
			await boss.complete("bench", job.id, result);
		}),
	};
}

/* All callers share a connection, which pipelines them; a completion brings the next job along. */
async function bullmq(socket) {
	const { Queue, Worker } = await import("bullmq");
	const connection = { path: socket };
	const queue = new Queue("bench", { connection });
	return {
		fill: (n) => queue.addBulk(Array.from({ length: n }, () => ({ name: "task", data: payload }))),
		create: () => queue.add("task", payload),
		async work(n, seconds) {
			const worker = new Worker("bench", async () => result,
				{ connection, concurrency: n, removeOnComplete: { count: 0 } });
			let done = 0;
			worker.on("completed", () => { done++; });
			await worker.waitUntilReady();
			await sleep(WARM_MS);
			const from = now(), before = done;
			await sleep(seconds * 1000);
			const rate = (done - before) / ((now() - from) / 1000);
			await worker.close();
			return rate;
		},
	};
}

const [, , name, socket] = process.argv;
const peer = await { "graphile-worker": graphileWorker, "pg-boss": pgBoss, bullmq }[name](socket);
for await (const line of createInterface({ input: process.stdin })) {
	const [command, n, seconds] = line.split(" ").map((word, i) => (i ? Number(word) : word));
	let answer = n;
	if (command === "fill")
		for (let left = n; left > 0; left -= CHUNK)
			await peer.fill(Math.min(left, CHUNK));
	else
		answer = await (command === "create" ? rateOf(n, seconds, peer.create) : peer.work(n, seconds));
	console.log(JSON.stringify(answer));
}
process.exit(0);
