-- The outbox.

-- name: event_add
insert into events (at_ms, kind, source, subject, payload, firing)
values ($1, $2, $3, $4, $5, $6)

-- name: event_floor
select min(seq)
from events

-- name: event_head
-- may scan: sqlite_sequence has one row a table
select seq
from sqlite_sequence
where name = 'events'

-- name: event_get
select seq, at_ms, kind, source, subject, payload
from events
where seq = $1

-- name: event_firing
select firing
from events
where seq = $1

-- name: event_after
select seq, at_ms, kind, source, subject, payload
from events
where seq > $1
order by seq
limit $2

-- name: event_after_of_subject
select seq, at_ms, kind, source, subject, payload
from events
where subject = $1
and seq > $2
order by seq
limit $3

-- name: event_after_of_kind
select seq, at_ms, kind, source, subject, payload
from events
where kind = $1
and seq > $2
order by seq
limit $3

-- name: event_before
select seq, at_ms, kind, source, subject, payload
from events
where seq < $1
order by seq desc

-- name: event_before_of_subject
select seq, at_ms, kind, source, subject, payload
from events
where subject = $1
and seq < $2
order by seq desc

-- name: event_before_of_kind
select seq, at_ms, kind, source, subject, payload
from events
where kind = $1
and seq < $2
order by seq desc

-- name: event_front
-- may scan: the first rows in key order, a bounded number
select seq, at_ms
from events
order by seq
limit $1

-- name: event_prune
delete from events
where seq <= $1

-- name: check_events_are_dense
-- may scan: counts all rows
select 'events: ' || count(*) || ' rows are kept from ' || min(seq) || ' to ' || max(seq)
from events
having count(*) <> coalesce(max(seq) - min(seq) + 1, 0)

-- name: check_events_numbering
-- may scan: sqlite_sequence has one row a table
select 'events: the newest is ' || max(seq) || ', but none after ' || (
	select seq
	from sqlite_sequence
	where name = 'events'
) || ' was given'
from events
having max(seq) > (
	select seq
	from sqlite_sequence
	where name = 'events'
)
