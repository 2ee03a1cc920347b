-- Credentials and the data keys that seal them.

-- name: data_key_newest
-- may scan: takes the last row only
select n, sealed, created_at
from data_keys
order by n desc
limit 1

-- name: data_key_get
select sealed
from data_keys
where n = $1

-- name: data_key_add
insert into data_keys (sealed, created_at)
values ($1, $2)

-- name: data_key_set
update data_keys
set sealed = $2
where n = $1

-- name: data_key_page
select n, sealed, created_at
from data_keys
where n > $1
order by n
limit $2

-- name: data_key_drop
delete from data_keys
where n = $1
and not exists (select 1 from credentials c where c.data_key = data_keys.n)
and n < (select max(n) from data_keys)

-- name: credential_add
insert into credentials (id, scope, owner, provider, name, kind, source, version, data_key, sealed,
	created_by, created_at, updated_at, redacted)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)

-- name: credential_set
update credentials
set kind = $2, source = $3, version = $4, data_key = $5, sealed = $6, updated_at = $7, redacted = $8
where n = $1

-- name: credential_reseal
update credentials
set data_key = $2, sealed = $3
where n = $1

-- name: credential_used
update credentials
set used_at = $2
where n = $1

-- name: credential_delete
delete from credentials
where n = $1

-- name: credential_by_id
select n, id, scope, owner, provider, name, kind, source, version, data_key, sealed, created_by,
	created_at, updated_at, used_at, redacted
from credentials
where id = $1

-- name: credential_at
select n, id, scope, owner, provider, name, kind, source, version, data_key, sealed, created_by,
	created_at, updated_at, used_at, redacted
from credentials
where name = $1
and scope = $2
and owner = $3
order by provider
limit 2

-- name: credential_at_provider
select n, id, scope, owner, provider, name, kind, source, version, data_key, sealed, created_by,
	created_at, updated_at, used_at, redacted
from credentials
where name = $1
and scope = $2
and owner = $3
and provider = $4

-- name: credential_page
select n, id, scope, owner, provider, name, kind, source, version, data_key, sealed, created_by,
	created_at, updated_at, used_at, redacted
from credentials
where n > $1
order by n
limit $2

-- name: credential_page_of_owner
select n, id, scope, owner, provider, name, kind, source, version, data_key, sealed, created_by,
	created_at, updated_at, used_at, redacted
from credentials
where owner = $3
and n > $1
order by n
limit $2

-- name: credential_page_of_key
select n, id, scope, owner, provider, name, kind, source, version, data_key, sealed, created_by,
	created_at, updated_at, used_at, redacted
from credentials
where data_key = $3
and n > $1
order by n
limit $2

-- name: credential_count
-- may scan: an index of at most a thousand rows
select count(n)
from credentials

-- name: check_credentials
-- may scan: counts all rows
select 'credential ' || c.id || ': sealed by data key ' || c.data_key || ', which is not there'
from credentials c
where not exists (select 1 from data_keys k where k.n = c.data_key)
limit 100

-- name: credential_task
select json_extract(payload, '$.agent'), json_extract(payload, '$.role')
from task_payloads
where task = $1
