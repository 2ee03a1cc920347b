-- The queue: tasks, the queues they stand in, the workers that do them. Times of leases, retries and
-- time limits (claimed_at … due_at) are steady: they count on with the machine's own clock whatever
-- becomes of the wall's. scheduled_for, wake_at, created_at, updated_at and finished_at are the wall's.
-- Numbers of enums are their place in schemas/types (checked by store/tasks.c and store/workers.c).

create table queues (
	n integer primary key,
	name text not null unique,
	paused integer not null default 0,
	max_running integer, -- null = no limit
	max_pending integer not null default 1000000,
	ageing_ms integer, -- waiting so long is worth one step of priority; null = nothing
	keep_ms integer not null default 604800000, -- finished tasks
	plain integer, -- the needs of tasks that need nothing
	n_needs integer not null default 0,
	n_lanes integer not null default 0,
	-- how many of its tasks are in each state, kept by triggers
	pending integer not null default 0,
	ready integer not null default 0,
	claimed integer not null default 0,
	in_progress integer not null default 0,
	awaiting_approval integer not null default 0,
	awaiting_input integer not null default 0,
	output_pending_review integer not null default 0,
	completed integer not null default 0,
	failed integer not null default 0,
	cancelled integer not null default 0,
	created_at integer not null,
	updated_at integer not null
) strict;

-- What tasks ask of who takes them, and the tags by which they are asked for, once for all that ask
-- the same: a claim looks at these few rows, not at the tasks.
create table task_needs (
	n integer primary key,
	queue integer not null references queues (n),
	capabilities text, -- sorted, one a line
	tags text, -- sorted, one a line
	assignee integer, -- the worker that alone may take them
	tasks integer not null default 0 -- not counted of a queue's plain one
) strict;

create unique index task_needs_by_text
	on task_needs (queue, coalesce(assignee, 0), coalesce(capabilities, ''), coalesce(tags, ''));

-- A concurrency key while a task with it is ready or runs.
create table task_keys (
	queue integer not null references queues (n),
	key text not null,
	cap integer not null,
	running integer not null default 0 check (running >= 0),
	lanes integer not null default 0 check (lanes >= 0),
	primary key (queue, key)
) strict, without rowid;

-- Ready tasks with the same needs and concurrency key, and the first of them.
create table task_lanes (
	n integer primary key,
	needs integer not null references task_needs (n),
	queue integer not null,
	key text not null,
	is_open integer not null, -- fewer run than the key's cap
	ready integer not null check (ready >= 0),
	best_rank integer not null,
	best integer not null -- task
) strict;

create unique index task_lanes_by_key on task_lanes (queue, key, needs);
create index task_lanes_open on task_lanes (needs, best_rank desc, best) where is_open = 1;

create table workers (
	n integer primary key autoincrement, -- none is given twice: tasks may be assigned to one that is gone
	id text not null unique,
	name text not null,
	-- online, busy, draining, degraded, disconnected, offline
	status integer not null check (status between 1 and 6),
	kind text,
	version text,
	queues text, -- one a line
	capabilities text, -- sorted, one a line
	tags text, -- one a line
	capacity integer not null,
	running integer not null default 0 check (running >= 0), -- tasks it holds
	completed integer not null default 0,
	failed integer not null default 0,
	principal text not null,
	connection integer, -- of this process of the server
	heartbeat_ms integer not null,
	grace_ms integer not null,
	heartbeat_at integer not null,
	is_draining integer not null default 0,
	drain_by integer, -- what still runs then is made ready again
	drain_reason text,
	resumes integer not null default 0, -- it came back: its claims are handed out to it again
	due_at integer,
	registered_at integer not null,
	updated_at integer not null
) strict;

create unique index workers_by_name on workers (name collate nocase);
create index workers_due on workers (due_at) where due_at is not null;
create index workers_by_connection on workers (connection) where connection is not null;

create trigger workers_status_at_first before insert on workers
when new.status <> 1
begin
	select raise(abort, 'workers.status');
end;

create trigger workers_status before update of status on workers
when new.status <> old.status
and (
	case old.status
	when 1 then 124 -- 2, 3, 4, 5, 6
	when 2 then 122 -- 1, 3, 4, 5, 6
	when 3 then 102 -- 1, 2, 5, 6
	when 4 then 110 -- 1, 2, 3, 5, 6
	when 5 then 78 -- 1, 2, 3, 6
	when 6 then 2 -- 1
	else 0
	end
) >> new.status & 1 = 0
begin
	select raise(fail, 'workers.status');
end;

create table tasks (
	n integer primary key,
	id text not null unique,
	queue integer not null references queues (n),
	needs integer not null, -- a row of task_needs, which goes with the last of its tasks
	lane integer, -- while it is ready and has a concurrency key
	-- pending, ready, claimed, in_progress, awaiting_approval, awaiting_input,
	-- output_pending_review, completed, failed, cancelled
	state integer not null check (state between 1 and 10),
	reason integer, -- why it is in this state, where that is not plain
	subject text,
	priority integer not null,
	rank integer, -- of a ready one: the greatest is taken first
	key text, -- idempotency
	concurrency_key text,
	concurrency_limit integer,
	assignee integer, -- the worker that alone may take it, which may have gone
	scheduled_for integer,
	wake_at integer, -- pending because of scheduled_for
	due_at integer, -- when to look at it again at the latest
	lease_ms integer not null,
	claim_ms integer, -- the lease of this attempt, where it is another
	schedule_to_start_ms integer,
	schedule_to_close_ms integer,
	start_to_close_ms integer,
	heartbeat_ms integer,
	retry text, -- JSON
	retry_at integer,
	needs_approval integer not null default 0,
	needs_review integer not null default 0,
	dependencies integer not null default 0,
	open_dependencies integer not null default 0 check (open_dependencies >= 0),
	on_failed integer not null, -- what the failure of a dependency means
	dependents integer not null default 0,
	attempt integer not null default 0,
	tries integer not null default 0, -- attempts that count: failed or lapsed
	token text, -- of the attempt under way
	claimed_by text,
	worker integer, -- that holds it
	ready_at integer,
	begins_at integer not null, -- from when schedule_to_… count
	claimed_at integer,
	started_at integer,
	heartbeat_at integer,
	lease_until integer,
	progress text, -- JSON
	has_progressed integer not null default 0, -- in this attempt
	reclaims integer not null default 0, -- in a row, without progress
	cancel_at integer, -- asked for; carried out then at the latest
	question_id text,
	question text,
	answer text, -- JSON
	note text, -- of who decided
	error_code text,
	error_message text,
	reworks integer not null default 0,
	requeues integer not null default 0,
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	finished_at integer,
	result text -- JSON
) strict;

-- Apart, as a row is written anew whenever its state changes.
create table task_payloads (
	task integer primary key references tasks (n),
	payload text not null -- JSON
) strict;

create index tasks_ready on tasks (needs, rank desc, n) where state = 2 and lane is null;
create index tasks_ready_in_lane on tasks (lane, rank desc, n) where lane is not null;
create index tasks_due on tasks (due_at) where due_at is not null;
create index tasks_wake on tasks (wake_at) where wake_at is not null;
create index tasks_by_state on tasks (state, queue, n) where state < 2 or state > 4;
create index tasks_held on tasks (queue, n) where token is not null;
create index tasks_of_queue on tasks (queue, n);
create unique index tasks_by_key on tasks (queue, key) where key is not null;
create index tasks_by_worker on tasks (worker, n) where worker is not null;
create index tasks_running_by_key on tasks (queue, concurrency_key)
	where concurrency_key is not null and state in (3, 4);

create trigger tasks_state_at_first before insert on tasks
when new.state > 2
and new.state <> 5
begin
	select raise(abort, 'tasks.state');
end;

create trigger tasks_state before update of state on tasks
when new.state <> old.state
and (
	case old.state
	when 1 then 1060 -- 2, 5, 10
	when 2 then 1546 + 16 * (new.attempt > old.attempt) -- 1, 3, 9, 10; 3 and 4 in one step
	when 3 then 1558 -- 1, 2, 4, 9, 10
	when 4 then 2022 -- 1, 2, 5, 6, 7, 8, 9, 10
	when 5 then 1540 -- 2, 9, 10
	when 6 then 1540 -- 2, 9, 10
	when 7 then 1796 -- 2, 8, 9, 10
	when 9 then 4 -- 2
	else 0
	end
) >> new.state & 1 = 0
begin
	select raise(fail, 'tasks.state');
end;

create trigger tasks_go_when_finished before delete on tasks
when old.state < 8
begin
	select raise(abort, 'tasks.state');
end;

create trigger tasks_count_new after insert on tasks
begin
	update queues
	set pending = pending + (new.state = 1),
		ready = ready + (new.state = 2),
		awaiting_approval = awaiting_approval + (new.state = 5)
	where n = new.queue;
end;

create trigger tasks_count after update of state on tasks
when new.state <> old.state
begin
	update queues
	set pending = pending + (new.state = 1) - (old.state = 1),
		ready = ready + (new.state = 2) - (old.state = 2),
		claimed = claimed + (new.state = 3) - (old.state = 3),
		in_progress = in_progress + (new.state = 4) - (old.state = 4),
		awaiting_approval = awaiting_approval + (new.state = 5) - (old.state = 5),
		awaiting_input = awaiting_input + (new.state = 6) - (old.state = 6),
		output_pending_review = output_pending_review + (new.state = 7) - (old.state = 7),
		completed = completed + (new.state = 8) - (old.state = 8),
		failed = failed + (new.state = 9) - (old.state = 9),
		cancelled = cancelled + (new.state = 10) - (old.state = 10)
	where n = new.queue;
end;

create trigger tasks_count_gone after delete on tasks
begin
	update queues
	set completed = completed - (old.state = 8),
		failed = failed - (old.state = 9),
		cancelled = cancelled - (old.state = 10)
	where n = old.queue;
end;

create table task_dependencies (
	task integer not null references tasks (n),
	dependency integer not null references tasks (n),
	is_open integer not null, -- counted in open_dependencies
	primary key (task, dependency)
) strict, without rowid;

create index task_dependencies_back on task_dependencies (dependency, is_open, task);

-- Attempts that did not end well.
create table task_attempts (
	task integer not null references tasks (n),
	attempt integer not null,
	ended integer not null, -- as tasks.reason
	code text,
	message text,
	claimed_by text,
	claimed_at integer,
	ended_at integer not null,
	primary key (task, attempt)
) strict, without rowid;
