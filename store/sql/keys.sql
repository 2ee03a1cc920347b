-- Keys.

-- name: key_add
insert into keys (id, name, hash, owner_kind, owner, access, scopes, reads_per_minute,
	writes_per_minute, created_by, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)

-- name: key_by_id
select n, id, name, hash, owner_kind, owner, access, scopes, reads_per_minute, writes_per_minute,
	created_by, created_at, expires_at, revoked_at, used_at, rotated_to
from keys
where id = $1

-- name: key_page
select n, id, name, hash, owner_kind, owner, access, scopes, reads_per_minute, writes_per_minute,
	created_by, created_at, expires_at, revoked_at, used_at, rotated_to
from keys
where n > $1
order by n
limit $2

-- name: key_page_of_owner
select n, id, name, hash, owner_kind, owner, access, scopes, reads_per_minute, writes_per_minute,
	created_by, created_at, expires_at, revoked_at, used_at, rotated_to
from keys
where owner = $3
and n > $1
order by n
limit $2

-- name: key_revoke
update keys
set revoked_at = $2
where n = $1
and revoked_at is null

-- name: key_end
update keys
set expires_at = $2, rotated_to = $3
where n = $1
and rotated_to is null

-- name: keys_revoke_of
update keys
set revoked_at = $2
where owner = $1
and revoked_at is null

-- name: key_used
update keys
set used_at = $2
where n = $1

-- name: key_is_live
select 1
from keys
where n = $1
and revoked_at is null
and (expires_at is null or expires_at > $2)
