-- An attempt of a quest is a task of the queue `quests`, which is the runtime's own: its lease, its
-- token and its end are the task's. A queue that people had called so is called otherwise from here.
update queues
set name = 'quests-' || n
where name = 'quests';

insert into queues (name, n_needs, created_at, updated_at)
select 'quests', 1, min(claimed_at), max(claimed_at)
from quests
where status = 2
having count(*) > 0;

insert into task_needs (queue)
select n
from queues
where name = 'quests';

update queues
set plain = (
		select d.n
		from task_needs d
		where d.queue = queues.n
	)
where name = 'quests';

alter table tasks add column quest integer; -- of which it is an attempt

alter table quests add column task integer; -- the attempt in progress
alter table quests add column lapses integer not null default 0; -- attempts in a row without progress
alter table quests add column was_free integer not null default 0; -- the attempt's agent took it from nobody

-- Those in progress keep their tokens; their leases begin now. A task begins as a ready one.
insert into tasks (id, queue, needs, state, subject, priority, rank, lease_ms, on_failed, attempt,
	ready_at, begins_at, created_by, created_at, updated_at, quest)
select substr(q.id, 1, 24) || lower(hex(randomblob(6))), u.n, u.plain, 2, q.subject, q.priority - 2, 0,
	86400000, 1, q.attempt - 1, q.claimed_at, q.claimed_at, q.claimed_by, q.claimed_at,
	q.updated_at, q.n
from quests q, queues u
where q.status = 2
and u.name = 'quests';

update tasks
set state = 4, rank = null, attempt = attempt + 1,
	(token, claimed_by, claimed_at, started_at, heartbeat_at) = (
		select q.token, q.claimed_by, q.claimed_at, q.claimed_at, q.claimed_at
		from quests q
		where q.n = tasks.quest
	),
	lease_until = cast(strftime('%s', 'now') as integer) * 1000 + 86400000,
	due_at = cast(strftime('%s', 'now') as integer) * 1000 + 86400000
where quest is not null;

update quests
set task = (
		select t.n
		from tasks t
		where t.quest = quests.n
	)
where status = 2;

-- The column stays, empty: taking it out would write every quest anew.
update quests
set token = null
where status = 2;
