-- Meta values, replies, transactions.

-- name: begin_read
begin

-- name: begin_write
begin immediate

-- name: commit
commit

-- name: rollback
rollback

-- name: savepoint
savepoint one

-- name: release
release one

-- name: rollback_to
rollback to one

-- name: touch
select 1
from meta
where key = 'generation'

-- name: meta_get
select value
from meta
where key = $1

-- name: meta_set
insert into meta (key, value)
values ($1, $2)
on conflict (key) do update set value = excluded.value

-- name: reply_find
select digest, result
from replies
where principal = $1
and request_id = $2
and method = $3

-- name: reply_add
insert into replies (at_ms, principal, method, request_id, digest, result)
values ($1, $2, $3, $4, $5, $6)

-- name: reply_front
-- may scan: the first rows in key order, a bounded number
select id, at_ms
from replies
order by id
limit $1

-- name: reply_prune
delete from replies
where id <= $1

-- name: verify_tables
-- may scan: a row a table
select name
from sqlite_schema
where type = 'table'
and rootpage > 0
order by name

-- name: verify_bytes
select page_count * page_size
from pragma_page_count, pragma_page_size

-- name: verify_pages
select integrity_check
from pragma_integrity_check($1)

-- name: verify_pages_quickly
select quick_check
from pragma_quick_check($1)

-- name: verify_keys
select 'row ' || rowid || ' of ' || "table" || ' refers to a missing row of ' || parent
from pragma_foreign_key_check($1)
