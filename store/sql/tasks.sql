-- Tasks. What a claim reads: the needs of its queue (few), the first ready task of each it can
-- meet, and the best lane of each. Everything else goes by n.

-- name: task_by_id
select t.n, t.id, t.queue, q.name, t.needs, d.capabilities, d.tags, t.lane, t.state, t.reason,
	t.subject, t.priority, t.rank, t.key, t.concurrency_key, t.concurrency_limit,
	t.assignee, a.name, t.scheduled_for, t.wake_at, t.lease_ms, t.claim_ms,
	t.schedule_to_start_ms, t.schedule_to_close_ms, t.start_to_close_ms, t.heartbeat_ms, t.retry, t.retry_at,
	t.needs_approval, t.needs_review, t.dependencies, t.open_dependencies, t.on_failed,
	t.dependents, t.attempt, t.tries, t.token, t.claimed_by, t.worker, w.name, t.ready_at,
	t.begins_at, t.claimed_at, t.started_at, t.heartbeat_at, t.lease_until, t.progress,
	t.has_progressed, t.reclaims, t.cancel_at, t.question_id, t.question, t.answer, t.note,
	t.result, t.error_code, t.error_message, t.reworks, t.requeues, t.created_by, t.created_at,
	t.updated_at, t.finished_at, q.keep_ms, q.ageing_ms, q.max_running, d.assignee,
	q.ready, t.quest
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers a on a.n = t.assignee
left join workers w on w.n = t.worker
where t.id = $1

-- name: task_by_n
select t.n, t.id, t.queue, q.name, t.needs, d.capabilities, d.tags, t.lane, t.state, t.reason,
	t.subject, t.priority, t.rank, t.key, t.concurrency_key, t.concurrency_limit,
	t.assignee, a.name, t.scheduled_for, t.wake_at, t.lease_ms, t.claim_ms,
	t.schedule_to_start_ms, t.schedule_to_close_ms, t.start_to_close_ms, t.heartbeat_ms, t.retry, t.retry_at,
	t.needs_approval, t.needs_review, t.dependencies, t.open_dependencies, t.on_failed,
	t.dependents, t.attempt, t.tries, t.token, t.claimed_by, t.worker, w.name, t.ready_at,
	t.begins_at, t.claimed_at, t.started_at, t.heartbeat_at, t.lease_until, t.progress,
	t.has_progressed, t.reclaims, t.cancel_at, t.question_id, t.question, t.answer, t.note,
	t.result, t.error_code, t.error_message, t.reworks, t.requeues, t.created_by, t.created_at,
	t.updated_at, t.finished_at, q.keep_ms, q.ageing_ms, q.max_running, d.assignee,
	q.ready, t.quest
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers a on a.n = t.assignee
left join workers w on w.n = t.worker
where t.n = $1

-- name: task_stakes
select t.n, t.state, t.created_by, t.claimed_by, a.principal, t.needs_approval
from tasks t
left join workers a on a.n = t.assignee
where t.n = $1

-- name: task_n_by_id
select n
from tasks
where id = $1

-- name: task_was_had
select 1
from task_attempts
where task = $1
and claimed_by = $2
limit 1

-- name: task_was_had_of_quest
select 1
from tasks
where quest = $1
and claimed_by = $2
limit 1

-- name: task_by_key
select t.n, p.payload, t.finished_at
from tasks t
left join task_payloads p on p.task = t.n
where t.queue = $1
and t.key = $2

-- name: task_payload
select payload
from task_payloads
where task = $1

-- name: task_payload_add
insert into task_payloads (task, payload)
values ($1, $2)

-- name: task_payload_remove
delete from task_payloads
where task = $1

-- name: task_key_clear
update tasks
set key = null
where n = $1

-- name: task_add
insert into tasks (id, queue, needs, lane, state, subject, priority, rank, key,
	concurrency_key, concurrency_limit, assignee, scheduled_for, wake_at, due_at, lease_ms,
	schedule_to_start_ms, schedule_to_close_ms, start_to_close_ms, heartbeat_ms, retry,
	needs_approval, needs_review, dependencies, open_dependencies, on_failed, ready_at, begins_at,
	created_by, created_at, updated_at, quest, attempt)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20,
	$21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $30, $31, $32)

-- name: task_claim
update or fail tasks
set state = $11, reason = null, lane = null, attempt = attempt + 1, token = $2, claimed_by = $3,
	worker = $4, claimed_at = $5, started_at = $10, heartbeat_at = $10, claim_ms = $6,
	lease_until = $7, has_progressed = 0, due_at = $8, updated_at = $9
where n = $1
and state = 2

-- name: task_start
update or fail tasks
set state = 4, started_at = $4, heartbeat_at = $4, due_at = $5, updated_at = $6
where n = $1
and attempt = $2
and token = $3
and state = 3

-- name: task_beat
update or fail tasks
set heartbeat_at = $4, claim_ms = $5, lease_until = $6, due_at = $7,
	progress = coalesce($8, progress), has_progressed = max(has_progressed, $8 is not null),
	reclaims = case when $8 is null then reclaims else 0 end, updated_at = $9
where n = $1
and attempt = $2
and token = $3
and state = 4

-- name: task_complete
update or fail tasks
set state = $4, reason = null, result = $5, token = null, worker = null, lease_until = null,
	retry_at = null, cancel_at = null, error_code = null, error_message = null, due_at = $6,
	updated_at = $7, finished_at = $8
where n = $1
and attempt = $2
and token = $3
and state = 4

-- name: task_resume
update or fail tasks
set token = $2, lease_until = $3, due_at = $4, updated_at = $5
where n = $1
and state in (3, 4)

-- name: task_set
update or fail tasks
set state = $4, reason = $5, priority = $6, rank = $7, lane = $8, needs = $9, assignee = $10,
	wake_at = $11, due_at = $12, retry_at = $13, needs_approval = $14, tries = $15, token = $16,
	worker = $17, ready_at = $18, begins_at = $19, lease_until = $20, reclaims = $21,
	cancel_at = $22, question_id = $23, question = $24, answer = $25, note = $26, error_code = $27,
	error_message = $28, reworks = $29, requeues = $30, updated_at = $31, finished_at = $32
where n = $1
and state = $2
and attempt = $3

-- name: task_set_due
update tasks
set due_at = $2
where n = $1

-- name: task_wake
update tasks
set due_at = $2, reason = $3
where n = $1

-- name: task_first
select n, rank
from tasks
where needs = $1
and state = 2
and lane is null
order by rank desc, n
limit 1

-- name: task_first_of_lane
select n, rank
from tasks
where lane = $1
order by rank desc, n
limit 1

-- name: task_due
select n
from tasks
where due_at <= $1
order by due_at
limit $2

-- name: task_due_first
select min(due_at)
from tasks
where due_at is not null

-- name: task_wakes
select n
from tasks
where wake_at <= $1
order by wake_at
limit $2

-- name: task_wake_first
select min(wake_at)
from tasks
where wake_at is not null

-- name: task_held
select n
from tasks
where worker = $1
order by n
limit $2

-- name: task_running_of_key
select n, state
from tasks
where queue = $1
and concurrency_key = $2
and state in (3, 4)
order by n
limit 1

-- name: task_needs_by_text
select n
from task_needs
where queue = $1
and coalesce(assignee, 0) = $2
and coalesce(capabilities, '') = $3
and coalesce(tags, '') = $4

-- name: task_needs_add
insert into task_needs (queue, assignee, capabilities, tags)
values ($1, $2, $3, $4)

-- name: task_needs_count
update task_needs
set tasks = tasks + $2
where n = $1

-- name: task_needs_drop
delete from task_needs
where n = $1
and tasks = 0

-- name: task_needs_of_queue
select n, assignee, capabilities, tags
from task_needs
where queue = $1
order by n

-- name: task_key_get
select cap, running, lanes
from task_keys
where queue = $1
and key = $2

-- name: task_key_put
insert into task_keys (queue, key, cap, running, lanes)
values ($1, $2, $3, $4, $5)
on conflict (queue, key) do update set cap = excluded.cap, running = excluded.running,
	lanes = excluded.lanes

-- name: task_key_drop
delete from task_keys
where queue = $1
and key = $2

-- name: task_lane_by_key
select n, ready, best_rank, best
from task_lanes
where queue = $1
and key = $2
and needs = $3

-- name: task_lane_by_n
select ready, best_rank, best
from task_lanes
where n = $1

-- name: task_lane_add
insert into task_lanes (needs, queue, key, is_open, ready, best_rank, best)
values ($1, $2, $3, $4, 0, $5, 0)

-- name: task_lane_set
update task_lanes
set ready = $2, best_rank = $3, best = $4
where n = $1

-- name: task_lane_drop
delete from task_lanes
where n = $1

-- name: task_lanes_set_open
update task_lanes
set is_open = $3
where queue = $1
and key = $2

-- name: task_lane_best
select n, best, best_rank
from task_lanes
where needs = $1
and is_open = 1
order by best_rank desc, best
limit 1

-- name: task_dependency_add
insert into task_dependencies (task, dependency, is_open)
values ($1, $2, $3)
on conflict (task, dependency) do update set is_open = excluded.is_open

-- name: task_dependency_close
update task_dependencies
set is_open = 0
where task = $1
and dependency = $2
and is_open = 1

-- name: task_dependents_recount
update tasks
set dependents = (
		select count(*)
		from task_dependencies d
		where d.dependency = tasks.n
	)
where n = $1

-- name: task_recount
update tasks
set dependencies = (
		select count(*)
		from task_dependencies d
		where d.task = tasks.n
	),
	open_dependencies = (
		select count(*)
		from task_dependencies d
		where d.task = tasks.n
		and d.is_open
	)
where n = $1
returning dependencies, open_dependencies

-- name: task_open_dependencies_add
update tasks
set open_dependencies = open_dependencies + $2
where n = $1

-- name: task_dependencies
select dependency
from task_dependencies
where task = $1
order by dependency

-- name: task_dependency_states
select t.n, t.state
from task_dependencies d
join tasks t on t.n = d.dependency
where d.task = $1
and d.is_open = 1
order by d.dependency
limit $2

-- name: task_dependents
select task
from task_dependencies
where dependency = $1
and is_open = 1
order by task
limit $2

-- name: task_dependencies_remove
delete from task_dependencies
where task = $1

-- name: task_dependents_lose
update tasks
set dependencies = dependencies - 1
where n in (
	select task
	from task_dependencies
	where dependency = $1
)

-- name: task_dependents_remove
delete from task_dependencies
where dependency = $1

-- name: task_attempt_add
insert into task_attempts (task, attempt, ended, code, message, claimed_by, claimed_at, ended_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (task, attempt) do update set ended = excluded.ended, code = excluded.code,
	message = excluded.message, ended_at = excluded.ended_at

-- name: task_attempts
select attempt, ended, code, message, claimed_by, claimed_at, ended_at
from task_attempts
where task = $1
order by attempt desc
limit $2

-- name: task_attempts_remove
delete from task_attempts
where task = $1

-- name: task_remove
delete from tasks
where n = $1

-- name: task_finished
select n, finished_at
from tasks
where state = $1
and (state < 2 or state > 4)
and queue = $2
and n > $3
order by n

-- name: task_parked
select queue, n
from tasks
where state = $1
and (state < 2 or state > 4)
and (queue, n) > ($2, $3)
order by queue, n
limit $4

-- name: task_page
-- may scan: in key order until the page is full, a bounded number
select t.n, t.id, q.name, t.state, t.reason, t.subject, t.priority, t.attempt, t.claimed_by, w.name,
	t.scheduled_for, t.retry_at, t.lease_until, t.error_code, t.created_at, t.updated_at,
	t.finished_at, d.tags
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers w on w.n = t.worker
where t.n < $1
order by t.n desc

-- name: task_page_of_queue
select t.n, t.id, q.name, t.state, t.reason, t.subject, t.priority, t.attempt, t.claimed_by, w.name,
	t.scheduled_for, t.retry_at, t.lease_until, t.error_code, t.created_at, t.updated_at,
	t.finished_at, d.tags
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers w on w.n = t.worker
where t.queue = $2
and t.n < $1
order by t.n desc

-- name: task_page_of_state
select t.n, t.id, q.name, t.state, t.reason, t.subject, t.priority, t.attempt, t.claimed_by, w.name,
	t.scheduled_for, t.retry_at, t.lease_until, t.error_code, t.created_at, t.updated_at,
	t.finished_at, d.tags
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers w on w.n = t.worker
where t.state = $3
and (t.state < 2 or t.state > 4)
and t.queue = $2
and t.n < $1
order by t.n desc

-- name: task_page_of_held
select t.n, t.id, q.name, t.state, t.reason, t.subject, t.priority, t.attempt, t.claimed_by, w.name,
	t.scheduled_for, t.retry_at, t.lease_until, t.error_code, t.created_at, t.updated_at,
	t.finished_at, d.tags
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers w on w.n = t.worker
where t.token is not null
and t.queue = $2
and t.n < $1
order by t.n desc

-- name: task_page_of_worker
select t.n, t.id, q.name, t.state, t.reason, t.subject, t.priority, t.attempt, t.claimed_by, w.name,
	t.scheduled_for, t.retry_at, t.lease_until, t.error_code, t.created_at, t.updated_at,
	t.finished_at, d.tags
from tasks t
join queues q on q.n = t.queue
join task_needs d on d.n = t.needs
left join workers w on w.n = t.worker
where t.worker = $2
and t.n < $1
order by t.n desc

-- name: check_tasks_counts
-- may scan: counts all rows
select 'queue ' || q.name || ': counts its tasks wrongly'
from queues q
where q.pending <> (select count(*) from tasks t where t.queue = q.n and t.state = 1)
or q.ready <> (select count(*) from tasks t where t.queue = q.n and t.state = 2)
or q.claimed <> (select count(*) from tasks t where t.queue = q.n and t.state = 3)
or q.in_progress <> (select count(*) from tasks t where t.queue = q.n and t.state = 4)
or q.awaiting_approval <> (select count(*) from tasks t where t.queue = q.n and t.state = 5)
or q.awaiting_input <> (select count(*) from tasks t where t.queue = q.n and t.state = 6)
or q.output_pending_review <> (select count(*) from tasks t where t.queue = q.n and t.state = 7)
or q.completed <> (select count(*) from tasks t where t.queue = q.n and t.state = 8)
or q.failed <> (select count(*) from tasks t where t.queue = q.n and t.state = 9)
or q.cancelled <> (select count(*) from tasks t where t.queue = q.n and t.state = 10)
or q.n_needs <> (select count(*) from task_needs d where d.queue = q.n)
or q.n_lanes <> (select count(*) from task_lanes l where l.queue = q.n)

-- name: check_tasks_states
-- may scan: looks at all rows
select 'task t-' || n || ': state ' || state || ' does not go with its lease, lane or times'
from tasks
where (token is not null) <> (state in (3, 4))
or (lease_until is not null) <> (state in (3, 4))
or (worker is not null and state not in (3, 4))
or (worker is not null and worker not in (select w.n from workers w))
or (lane is not null) <> (state = 2 and concurrency_key is not null)
or (state = 2 and rank is null)
or (wake_at is not null and state <> 1)
or (state in (3, 4, 8, 9, 10) and due_at is null)
or (finished_at is not null) <> (state > 7)

-- name: check_tasks_dependencies
-- may scan: counts all rows
select 'task t-' || n || ': counts ' || dependencies || ' dependencies, ' || open_dependencies
	|| ' of them open, and ' || dependents || ' dependents, which is wrong'
from tasks t
where dependencies <> (select count(*) from task_dependencies d where d.task = t.n)
or open_dependencies <> (select count(*) from task_dependencies d where d.task = t.n and d.is_open)
or dependents <> (select count(*) from task_dependencies d where d.dependency = t.n)

-- name: check_tasks_lanes
-- may scan: looks at all rows
select 'lane ' || l.n || ' of concurrency key ' || l.key || ' is not as its tasks are'
from task_lanes l
left join task_keys k on k.queue = l.queue and k.key = l.key
where l.ready <> (select count(*) from tasks t where t.lane = l.n)
or l.ready = 0
or l.best is not (select t.n from tasks t where t.lane = l.n order by t.rank desc, t.n limit 1)
or k.cap is null
or l.is_open <> (k.running < k.cap)

-- name: check_tasks_keys
-- may scan: looks at all rows
select 'concurrency key ' || k.key || ': counts wrongly what runs'
from task_keys k
where k.running <> (
	select count(*)
	from tasks t
	where t.queue = k.queue
	and t.concurrency_key = k.key
	and t.state in (3, 4)
)
or k.lanes <> (select count(*) from task_lanes l where l.queue = k.queue and l.key = k.key)
or (k.running = 0 and k.lanes = 0)

-- name: check_tasks_needs
-- may scan: looks at all rows
select 'needs ' || d.n || ': counts its tasks wrongly'
from task_needs d
join queues q on q.n = d.queue
where q.plain is not d.n
and d.tasks <> (select count(*) from tasks t where t.needs = d.n)
