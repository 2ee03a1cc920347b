-- Firings.

-- name: firing_add
insert into firings (task, source, source_id, event, root, depth, by_kind, by, by_key)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: firing_get
select source, source_id, event, root, depth, by_kind, by, by_key
from firings
where task = $1

-- name: firing_root_of_event
select f.root
from events e
join firings f on f.task = e.firing
where e.seq = $1

-- name: check_firings_are_tasks_of_their_queue
-- may scan: looks at all rows
select 'firings: t-' || f.task || ' is in the queue ' || q.name
from firings f
join tasks t on t.n = f.task
join queues q on q.n = t.queue
where q.name <> 'reactions'

-- name: firings_of_event
select task
from firings
where event = $1
order by task
limit $2

-- name: events_of_firing
select seq
from events
where firing = $1
order by seq
limit $2
