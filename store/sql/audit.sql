-- The audit: rows that hang together by their hashes, and counted reads.

-- name: audit_head
-- may scan: one row, the last in key order
select seq, hash
from audit
order by seq desc
limit 1

-- name: audit_add
insert into audit (seq, at_ms, principal, key, verb, target, outcome, reason, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: audit_page
select seq, at_ms, principal, key, verb, target, outcome, reason, hash
from audit
where seq > $1
order by seq

-- name: audit_page_of_principal
select seq, at_ms, principal, key, verb, target, outcome, reason, hash
from audit
where principal = $2
and seq > $1
order by seq

-- name: audit_page_refused
select seq, at_ms, principal, key, verb, target, outcome, reason, hash
from audit
where outcome > 1
and seq > $1
order by seq

-- name: audit_front
-- may scan: the first rows in key order, a bounded number
select seq, at_ms
from audit
order by seq
limit $1

-- name: audit_anchor
insert into meta (key, value)
select 'audit_floor', seq || ' ' || hash
from audit
where seq = $1
on conflict (key) do update set value = excluded.value

-- name: audit_prune
delete from audit
where seq <= $1

-- name: audit_reads_front
-- may scan: the first rows in key order, a bounded number
select day, day * 86400000
from audit_reads
order by day
limit $1

-- name: audit_reads_prune
delete from audit_reads
where day <= $1

-- name: audit_reads_add
insert into audit_reads (day, principal, reads)
values ($1, $2, $3)
on conflict (day, principal) do update
set reads = reads + excluded.reads

-- name: audit_reads_page
select day, principal, reads
from audit_reads
where (day, principal) > ($1, $2)
order by day, principal
