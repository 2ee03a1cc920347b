-- People. One who was deleted is found by nothing but the history.

-- name: user_add
insert into users (id, name, addresses, about, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6)

-- name: user_by_id
select n, id, name, addresses, about, created_by, created_at, updated_at
from users
where id = $1
and deleted_at is null

-- name: user_by_name
select n, id, name, addresses, about, created_by, created_at, updated_at
from users
where name = $1 collate nocase
and deleted_at is null

-- name: user_set
update users
set name = $2, addresses = $3, about = $4, updated_at = $5
where n = $1

-- name: user_delete
update users
set addresses = null, about = null, deleted_at = $2
where n = $1

-- name: user_page
select u.id, u.name, u.created_at,
	(select count(*) from roles r where r.occupant = u.id),
	(select count(*) from keys k where k.owner = u.id and k.revoked_at is null
		and (k.expires_at is null or k.expires_at > $2))
from users u
where u.name > $1 collate nocase
and u.deleted_at is null
order by u.name collate nocase
limit $3
