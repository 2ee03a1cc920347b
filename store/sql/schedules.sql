-- Schedules.

-- name: schedule_add
insert into schedules (id, name, cron, zone, calls, overlap, catch_up, jitter_s, start_at, end_at,
	anchor_at, enabled, by_kind, by, by_key, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17)

-- name: schedule_by_id
select n, id, name, cron, zone, calls, overlap, catch_up, jitter_s, start_at, end_at, anchor_at, enabled,
	by_kind, by, by_key, due_at, next_at, span_from, last_due_at, last_run_at, runs, skipped, missed,
	last_task, before_task, problem, created_by, created_at, updated_at
from schedules
where id = $1

-- name: schedule_by_name
select n, id, name, cron, zone, calls, overlap, catch_up, jitter_s, start_at, end_at, anchor_at, enabled,
	by_kind, by, by_key, due_at, next_at, span_from, last_due_at, last_run_at, runs, skipped, missed,
	last_task, before_task, problem, created_by, created_at, updated_at
from schedules
where name = $1 collate nocase

-- name: schedule_by_n
select n, id, name, cron, zone, calls, overlap, catch_up, jitter_s, start_at, end_at, anchor_at, enabled,
	by_kind, by, by_key, due_at, next_at, span_from, last_due_at, last_run_at, runs, skipped, missed,
	last_task, before_task, problem, created_by, created_at, updated_at
from schedules
where n = $1

-- name: schedule_set
update schedules
set name = $2, cron = $3, zone = $4, calls = $5, overlap = $6, catch_up = $7, jitter_s = $8,
	start_at = $9, end_at = $10, anchor_at = $11, enabled = $12, by_kind = $13, by = $14, by_key = $15,
	updated_at = $16
where n = $1

-- name: schedule_set_times
update schedules
set due_at = $2, next_at = $3, span_from = $4, last_due_at = $5, last_run_at = $6, runs = $7,
	skipped = $8, missed = $9, last_task = $10, before_task = $11, problem = $12
where n = $1

-- name: schedule_delete
delete from schedules
where n = $1

-- name: schedule_page
select id, name, cron, zone, enabled, next_at, last_run_at, runs, problem
from schedules
where name > $1 collate nocase
order by name collate nocase
limit $2

-- name: schedule_due
select n
from schedules
where next_at is not null
and next_at <= $1
order by next_at
limit $2

-- name: schedule_next
select next_at
from schedules
where next_at is not null
order by next_at
limit 1

-- name: schedule_after
select n
from schedules
where n > $1
order by n
limit $2

-- name: schedule_spans
select from_at, through_at
from schedule_spans
where schedule = $1
order by from_at

-- name: schedule_span_put
insert into schedule_spans (schedule, from_at, through_at)
values ($1, $2, $3)
on conflict (schedule, from_at) do update set through_at = max(through_at, excluded.through_at)

-- name: schedule_span_delete
delete from schedule_spans
where schedule = $1
and from_at = $2

-- name: schedule_spans_delete
delete from schedule_spans
where schedule = $1

-- name: check_schedule_times
-- may scan: it looks at all of them
select 'schedule ' || id || ' is not enabled and has a due time'
from schedules
where enabled = 0
and due_at is not null
