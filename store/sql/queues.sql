-- Queues: few rows, each with what a claim must know of it first.

-- name: queue_by_name
select n, name, paused, max_running, max_pending, ageing_ms, keep_ms, plain, n_needs, n_lanes, pending,
	ready, claimed, in_progress, awaiting_approval, awaiting_input, output_pending_review,
	completed, failed, cancelled, created_at, updated_at
from queues
where name = $1

-- name: queue_by_n
select n, name, paused, max_running, max_pending, ageing_ms, keep_ms, plain, n_needs, n_lanes, pending,
	ready, claimed, in_progress, awaiting_approval, awaiting_input, output_pending_review,
	completed, failed, cancelled, created_at, updated_at
from queues
where n = $1

-- name: queue_page
select n, name, paused, max_running, max_pending, ageing_ms, keep_ms, plain, n_needs, n_lanes, pending,
	ready, claimed, in_progress, awaiting_approval, awaiting_input, output_pending_review,
	completed, failed, cancelled, created_at, updated_at
from queues
where name > $1
order by name
limit $2

-- name: queue_n
-- may scan: counts the queues, of which there are few
select count(*)
from queues

-- name: queue_add
insert into queues (name, created_at, updated_at)
values ($1, $2, $2)

-- name: queue_set_plain
update queues
set plain = $2, n_needs = 1
where n = $1

-- name: queue_set
update queues
set paused = $2, max_running = $3, max_pending = $4, ageing_ms = $5, keep_ms = $6, updated_at = $7
where n = $1

-- name: queue_count_needs
update queues
set n_needs = n_needs + $2
where n = $1

-- name: queue_count_lanes
update queues
set n_lanes = n_lanes + $2
where n = $1

-- name: queue_has_work
-- may scan: the queues and workers, of which there are few
select exists (
	select 1
	from queues
	where pending + ready + claimed + in_progress > 0
	and name <> 'quests'
) or exists (
	select 1
	from workers
	where status < 6
)
