-- Agents. An erased one answers to nothing but agent_name.

-- name: agent_add
insert into agents (id, name, status, instructions, model, grants, parent, depth, max_concurrent,
	created_by, created_at, updated_at, name_key)
values ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)

-- name: agent_by_id
select a.n, a.id, a.name, a.status, a.instructions, a.model, a.grants, p.id, a.depth,
	a.max_concurrent, a.in_progress, a.children, a.created_by, a.created_at, a.updated_at,
	a.retired_at, a.parent
from agents a
left join agents p on p.n = a.parent
where a.id = $1
and a.erased_at is null

-- name: agent_by_name
select a.n, a.id, a.name, a.status, a.instructions, a.model, a.grants, p.id, a.depth,
	a.max_concurrent, a.in_progress, a.children, a.created_by, a.created_at, a.updated_at,
	a.retired_at, a.parent
from agents a
left join agents p on p.n = a.parent
where a.name_key = $1
and a.erased_at is null
and (a.name = $2 collate nocase
	or not exists (
		select 1
		from agents o
		where o.name_key = $1
		and o.n <> a.n
		and o.erased_at is null
	))

-- name: agent_twin
-- A name that is kept is no new one.
select 1
from agents
where name_key = $1
and n <> $2
and erased_at is null
and not exists (
	select 1
	from agents o
	where o.n = $2
	and o.name = $3
)
limit 1

-- name: agent_twins
-- may scan: walks the index of names, after a migration
select min(name), max(name)
from agents
where erased_at is null
group by name_key
having count(n) > 1
limit 5

-- name: agent_by_n
select a.n, a.id, a.name, a.status, a.instructions, a.model, a.grants, p.id, a.depth,
	a.max_concurrent, a.in_progress, a.children, a.created_by, a.created_at, a.updated_at,
	a.retired_at, a.parent
from agents a
left join agents p on p.n = a.parent
where a.n = $1
and a.erased_at is null

-- name: agent_name
select name
from agents
where n = $1

-- name: agent_page
select a.n, a.id, a.name, a.status, a.model, p.id, a.max_concurrent, a.in_progress, a.created_at
from agents a
left join agents p on p.n = a.parent
where a.name > $1 collate nocase
and a.erased_at is null
order by a.name collate nocase

-- name: agent_page_of_parent
select a.n, a.id, a.name, a.status, a.model, p.id, a.max_concurrent, a.in_progress, a.created_at
from agents a
left join agents p on p.n = a.parent
where a.parent = $2
and a.name > $1 collate nocase
and a.erased_at is null
order by a.name collate nocase

-- name: agent_set
update agents
set name = $2, status = $3, instructions = $4, model = $5, grants = $6, max_concurrent = $7,
	updated_at = $8, retired_at = $9, name_key = $10
where n = $1

-- name: agent_children_add
update agents
set children = children + $2
where n = $1

-- name: agent_in_progress_add
update agents
set in_progress = in_progress + $2
where n = $1

-- name: agent_child_grants
select name, grants
from agents
where parent = $1
and erased_at is null
order by name collate nocase

-- name: agent_has_child
select 1
from agents
where parent = $1
and erased_at is null
limit 1

-- name: agent_is_below
-- may scan: the few agents above one
with recursive up (n, parent) as (
	select n, parent
	from agents
	where n = $1
	union
	select a.n, a.parent
	from up
	join agents a on a.n = up.parent
)
select 1
from up
join agents a on a.n = up.n
where a.id = $2
and up.n <> $1
limit 1

-- name: agent_erase
update agents
set status = 3, instructions = null, model = null, grants = null, parent = null, created_by = '',
	erased_at = $2
where n = $1

-- name: check_agents
-- may scan: counts all rows
select 'agent ' || id || ': counts ' || in_progress || ' quests in progress and ' || children
	|| ' children, which is wrong'
from agents a
where in_progress <> (
	select count(*)
	from quests q
	where q.assignee = a.n
	and q.status = 2
)
or children <> (
	select count(*)
	from agents c
	where c.parent = a.n
	and c.status <> 3
	and c.erased_at is null
)
