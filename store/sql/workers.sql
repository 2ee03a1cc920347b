-- Workers.

-- name: worker_by_id
select n, id, name, status, kind, version, queues, capabilities, tags, capacity, running, completed,
	failed, principal, connection, heartbeat_ms, grace_ms, heartbeat_at, is_draining,
	drain_by, drain_reason, resumes, registered_at, updated_at
from workers
where id = $1

-- name: worker_by_n
select n, id, name, status, kind, version, queues, capabilities, tags, capacity, running, completed,
	failed, principal, connection, heartbeat_ms, grace_ms, heartbeat_at, is_draining,
	drain_by, drain_reason, resumes, registered_at, updated_at
from workers
where n = $1

-- name: worker_by_name
select n, id, name, status, kind, version, queues, capabilities, tags, capacity, running, completed,
	failed, principal, connection, heartbeat_ms, grace_ms, heartbeat_at, is_draining,
	drain_by, drain_reason, resumes, registered_at, updated_at
from workers
where name = $1 collate nocase

-- name: worker_page
-- may scan: in the order of names, a page
select n, id, name, status, kind, version, queues, capabilities, tags, capacity, running, completed,
	failed, principal, connection, heartbeat_ms, grace_ms, heartbeat_at, is_draining,
	drain_by, drain_reason, resumes, registered_at, updated_at
from workers
where name > $1 collate nocase
order by name collate nocase

-- name: worker_n
-- may scan: counts the workers, of which there are few
select count(*)
from workers

-- name: worker_add
insert into workers (id, name, status, kind, version, queues, capabilities, tags, capacity,
	principal, connection, heartbeat_ms, grace_ms, heartbeat_at, due_at, registered_at, updated_at)
values ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15)

-- name: worker_set
update or fail workers
set status = $2, kind = $3, version = $4, queues = $5, capabilities = $6, tags = $7, capacity = $8,
	principal = $9, connection = $10, heartbeat_ms = $11, grace_ms = $12, heartbeat_at = $13,
	is_draining = $14, drain_by = $15, drain_reason = $16, resumes = $17, due_at = $18,
	registered_at = $19, updated_at = $20
where n = $1

-- name: worker_count
update or fail workers
set running = running + $2, completed = completed + $3, failed = failed + $4,
	status = case
		when status = 1 and running + $2 > 0 then 2
		when status = 2 and running + $2 = 0 then 1
		else status
	end
where n = $1

-- name: worker_remove
delete from workers
where n = $1

-- name: worker_due
select n
from workers
where due_at <= $1
order by due_at
limit $2

-- name: worker_due_first
select min(due_at)
from workers
where due_at is not null

-- name: worker_of_connection
select n
from workers
where connection = $1
limit $2

-- name: worker_has_connection
select exists (
	select 1
	from workers
	where connection is not null
)

-- name: worker_forget_connections
update workers
set connection = null
where connection is not null

-- name: worker_capabilities
-- may scan: all workers, of which there are few
select capabilities
from workers
where status < 6

-- name: check_workers
-- may scan: looks at all rows
select 'worker ' || w.name || ': counts wrongly what it holds'
from workers w
where w.running <> (select count(*) from tasks t where t.worker = w.n)
or (w.status = 1 and w.running > 0)
or (w.status = 2 and w.running = 0)
or (w.status = 3 and not w.is_draining)
or (w.drain_by is not null and not w.is_draining)
