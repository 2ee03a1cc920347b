-- Roles (seats) and who is above whom.

-- name: role_add
insert into roles (id, title, type, description, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $6)

-- name: role_by_id
select r.n, r.id, r.title, r.type, r.description, r.occupant_kind, r.occupant,
	coalesce(a.name, u.name), r.occupied_at, r.created_by, r.created_at, r.updated_at
from roles r
left join agents a on a.id = r.occupant
left join users u on u.id = r.occupant
where r.id = $1

-- name: role_by_n
select r.n, r.id, r.title, r.type, r.description, r.occupant_kind, r.occupant,
	coalesce(a.name, u.name), r.occupied_at, r.created_by, r.created_at, r.updated_at
from roles r
left join agents a on a.id = r.occupant
left join users u on u.id = r.occupant
where r.n = $1

-- name: role_set
update roles
set title = $2, type = $3, description = $4, updated_at = $5
where n = $1

-- name: role_set_occupant
update roles
set occupant_kind = $2, occupant = $3, occupied_at = $4, updated_at = $5
where n = $1

-- name: role_remove
delete from roles
where n = $1

-- name: role_count
-- may scan: counts them, before one is added
select count(*)
from roles

-- name: role_count_children
select count(*)
from role_edges
where parent = $1

-- name: role_count_below
select count(*) - 1
from role_closure
where ancestor = $1

-- name: role_count_above
select count(*)
from role_closure
where descendant = $1

-- name: role_parents
select parent
from role_edges
where child = $1
order by parent

-- name: role_edge_add
insert into role_edges (parent, child)
values ($1, $2)

-- name: role_edge_remove
delete from role_edges
where parent = $1
and child = $2

-- name: role_closure_self
insert into role_closure (ancestor, descendant, paths)
values ($1, $1, 1)

-- name: role_closure_remove_self
delete from role_closure
where ancestor = $1
and descendant = $1

-- name: role_closure_add
insert into role_closure (ancestor, descendant, paths)
select above.ancestor, below.descendant, above.paths * below.paths
from role_closure above
join role_closure below on below.ancestor = $2
where above.descendant = $1
on conflict (ancestor, descendant) do update
set paths = paths + excluded.paths

-- name: role_closure_drop
delete from role_closure
where (ancestor, descendant) in (
	select above.ancestor, below.descendant
	from role_closure above
	join role_closure below on below.ancestor = $2
	join role_closure now on now.ancestor = above.ancestor and now.descendant = below.descendant
	where above.descendant = $1
	and now.paths = above.paths * below.paths
)

-- name: role_closure_less
update role_closure
set paths = paths - (
	select above.paths * below.paths
	from role_closure above
	join role_closure below on below.ancestor = $2
	where above.ancestor = role_closure.ancestor
	and above.descendant = $1
	and below.descendant = role_closure.descendant
)
where (ancestor, descendant) in (
	select above.ancestor, below.descendant
	from role_closure above
	join role_closure below on below.ancestor = $2
	where above.descendant = $1
)

-- name: role_is_above
select 1
from role_closure
where ancestor = $1
and descendant = $2

-- name: role_step_towards
select e.child
from role_edges e
join role_closure c on c.ancestor = e.child and c.descendant = $2
where e.parent = $1
limit 1

-- name: role_page
select r.n, r.id, r.title, r.type, r.occupant_kind, r.occupant, coalesce(a.name, u.name),
	(select count(*) from role_edges e where e.parent = r.n)
from roles r
left join agents a on a.id = r.occupant
left join users u on u.id = r.occupant
where r.n > $1
order by r.n

-- name: role_page_vacant
select r.n, r.id, r.title, r.type, r.occupant_kind, r.occupant, null,
	(select count(*) from role_edges e where e.parent = r.n)
from roles r
where r.n > $1
and r.occupant is null
order by r.n

-- name: role_page_of_occupant
select r.n, r.id, r.title, r.type, r.occupant_kind, r.occupant, coalesce(a.name, u.name),
	(select count(*) from role_edges e where e.parent = r.n)
from roles r
left join agents a on a.id = r.occupant
left join users u on u.id = r.occupant
where r.occupant = $2
and r.n > $1
order by r.n

-- name: role_roots
-- may scan: roots are few and so are roles
select r.n
from roles r
where not exists (select 1 from role_edges e where e.child = r.n)
order by r.n

-- name: role_children
select child
from role_edges
where parent = $1
order by child

-- name: role_node
select r.n, r.title, r.type, r.occupant_kind, r.occupant, coalesce(a.name, u.name)
from roles r
left join agents a on a.id = r.occupant
left join users u on u.id = r.occupant
where r.n = $1

-- name: roles_vacate
update roles
set occupant_kind = null, occupant = null, occupied_at = null, updated_at = $2
where occupant = $1

-- name: seat_above_role
select 1
from roles mine
join role_closure c on c.ancestor = mine.n
where mine.occupant = $1
and c.descendant = $2
and c.ancestor <> c.descendant
limit 1

-- name: seat_above_occupant
select 1
from roles mine
join role_closure c on c.ancestor = mine.n
join roles theirs on theirs.n = c.descendant
where mine.occupant = $1
and theirs.occupant = $2
and c.ancestor <> c.descendant
limit 1

-- name: role_seated_aside
select distinct r.occupant_kind, r.occupant
from role_closure c
join roles r on r.n = c.descendant
where c.ancestor = $2
and r.occupant is not null
and not exists (
	select 1
	from role_closure up
	join roles mine on mine.n = up.ancestor
	where up.descendant = r.n
	and up.ancestor <> up.descendant
	and mine.occupant = $1
)

-- name: check_role_closure
-- may scan: works out again who is above whom
with recursive reach (ancestor, descendant) as (
	select n, n
	from roles
	union
	select reach.ancestor, e.child
	from reach
	join role_edges e on e.parent = reach.descendant
)
select 'role r-' || ancestor || ': is above r-' || descendant || ' only in role_closure'
from role_closure
where (ancestor, descendant) not in (select ancestor, descendant from reach)
union all
select 'role r-' || ancestor || ': is above r-' || descendant || ', which role_closure lacks'
from reach
where (ancestor, descendant) not in (select ancestor, descendant from role_closure)
