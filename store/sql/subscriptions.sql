-- Subscriptions.

-- name: subscription_add
insert into subscriptions (id, name, state, kind, subject, source, rule, count, window_ms, cooldown_ms,
	max_per_minute, key, path, value, since, by_kind, by, by_key, created_at, updated_at)
values ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18)

-- name: subscription_counts_add
insert into subscription_counts (subscription)
values ($1)

-- name: subscription_by_n
select s.n, s.id, s.name, s.state, s.stop_reason, s.kind, s.subject, s.source, s.rule, s.count,
	s.window_ms, s.cooldown_ms, s.max_per_minute, s.path, s.value, s.since, s.by_kind, s.by, s.by_key,
	s.created_at, s.updated_at, c.fired, c.failed, c.suppressed, c.fired_at, c.minute, c.in_minute,
	c.last_error
from subscriptions s
join subscription_counts c on c.subscription = s.n
where s.n = $1

-- name: subscription_n_of_id
select n
from subscriptions
where id = $1

-- name: subscription_n_of_name
select n
from subscriptions
where name = $1 collate nocase

-- name: subscription_page
select n
from subscriptions
where n > $1
order by n
limit $2

-- name: subscription_page_stopped
select n
from subscriptions
where state = 2
and n > $1
order by n
limit $2

-- name: subscription_page_active
select n
from subscriptions
where state = 1
and n > $1
order by n
limit $2

-- name: subscription_stop
update subscriptions
set state = 2, stop_reason = $2, updated_at = $3
where n = $1
and state = 1

-- name: subscription_delete
delete from subscriptions
where n = $1

-- name: subscription_newest
-- may scan: sqlite_sequence has one row a table
select seq
from sqlite_sequence
where name = 'subscriptions'

-- name: subscription_number
-- may scan: all rows, when as many as may be there were made
select count(*)
from subscriptions

-- name: subscription_count
update subscription_counts
set fired = $2, suppressed = $3, fired_at = $4, minute = $5, in_minute = $6
where subscription = $1

-- name: subscription_failed
update subscription_counts
set failed = failed + 1, last_error = $2
where subscription = $1

-- name: subscription_hit_add
insert or ignore into subscription_hits (subscription, seq, at_ms)
values ($1, $2, $3)

-- name: subscription_hits_far
delete from subscription_hits
where subscription = $1
and (at_ms < $2 or at_ms > $3)

-- name: subscription_hits_drop_first
delete from subscription_hits
where subscription = $1
and seq = (
	select min(seq)
	from subscription_hits
	where subscription = $1
)

-- name: subscription_hits_number
select count(*)
from subscription_hits
where subscription = $1

-- name: subscription_hits_forget
delete from subscription_hits
where subscription = $1

-- name: subscription_any
-- may scan: one row
select 1
from subscriptions
where state = 1
limit 1

-- name: subscription_paths
select distinct path
from subscriptions
where state = 1
and key = $1
and path > $2
order by path
limit 1

-- name: subscription_wanted
select 1
from subscriptions
where state = 1
and key = $1
and path = $2
and value = $3
limit 1

-- name: subscription_candidates
select n
from subscriptions
where state = 1
and key = $1
and path = $2
and value = $3
and n > $4
order by n
limit $5

-- name: match_add
insert into events_to_match (seq, depth, after)
values ($1, $2, 0)

-- name: match_first
-- may scan: the first row in key order
select seq, depth, after
from events_to_match
order by seq
limit 1

-- name: match_go_on
update events_to_match
set after = $2
where seq = $1

-- name: match_end
delete from events_to_match
where seq = $1

-- name: check_subscriptions_are_counted
-- may scan: looks at all rows
select 'subscriptions: s-' || s.n || ' has no counts'
from subscriptions s
left join subscription_counts c on c.subscription = s.n
where c.subscription is null
