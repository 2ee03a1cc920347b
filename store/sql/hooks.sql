-- Where others may deliver events.

-- name: hook_add
insert into hooks (id, name, kind, secret, signature_header, timestamp_header, id_header, window_s,
	created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)

-- name: hook_by_id
select n, id, name, kind, secret, old_secret, old_until, signature_header, timestamp_header, id_header,
	window_s, deliveries, last_delivery_at, created_by, created_at, updated_at
from hooks
where id = $1

-- name: hook_by_name
select n, id, name, kind, secret, old_secret, old_until, signature_header, timestamp_header, id_header,
	window_s, deliveries, last_delivery_at, created_by, created_at, updated_at
from hooks
where name = $1

-- name: hook_page
select n, id, name, kind, secret, old_secret, old_until, signature_header, timestamp_header, id_header,
	window_s, deliveries, last_delivery_at, created_by, created_at, updated_at
from hooks
where name > $1
order by name
limit $2

-- name: hook_any
select 1
from hooks
limit 1

-- name: hook_rotate
update hooks
set secret = $2, old_secret = $3, old_until = $4, updated_at = $5
where n = $1

-- name: hook_delete
delete from hooks
where n = $1

-- name: hook_delivered
update hooks
set deliveries = deliveries + 1, last_delivery_at = $2
where n = $1

-- name: hook_delivery_find
select event
from hook_deliveries
where hook = $1
and key = $2

-- name: hook_delivery_add
insert into hook_deliveries (at_ms, hook, key, event)
values ($1, $2, $3, $4)

-- name: hook_delivery_front
-- may scan: the first rows in key order, a bounded number
select n, at_ms
from hook_deliveries
order by n
limit $1

-- name: hook_delivery_prune
delete from hook_deliveries
where n <= $1
