-- People. One who was deleted is found by nothing but the history.

-- name: user_add
insert into users (id, name, addresses, about, created_by, created_at, updated_at, name_key)
values ($1, $2, $3, $4, $5, $6, $6, $7)

-- name: user_by_id
select n, id, name, addresses, about, created_by, created_at, updated_at
from users
where id = $1
and deleted_at is null

-- name: user_by_name
select n, id, name, addresses, about, created_by, created_at, updated_at
from users u
where u.name_key = $1
and u.deleted_at is null
and (u.name = $2 collate nocase
	or not exists (
		select 1
		from users o
		where o.name_key = $1
		and o.n <> u.n
		and o.deleted_at is null
	))

-- name: user_twin
-- A name that is kept is no new one.
select 1
from users
where name_key = $1
and n <> $2
and deleted_at is null
and not exists (
	select 1
	from users o
	where o.n = $2
	and o.name = $3
)
limit 1

-- name: user_twins
-- may scan: walks the index of names, after a migration
select min(name), max(name)
from users
where deleted_at is null
group by name_key
having count(n) > 1
limit 5

-- name: user_set
update users
set name = $2, addresses = $3, about = $4, updated_at = $5, name_key = $6
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
