-- Quests. A quest's rank is its priority while it is ready, else null. Lists read what a line shows,
-- in the order the cursor follows, until the caller has enough: their limit is the caller's.

-- name: quest_add
insert into quests (id, subject, description, acceptance, status, priority, assignee, parent,
	required, labels, idea_id, idea_ids, due_at, dependencies, open_dependencies, blocked_by,
	created_by, created_at, updated_at, capabilities)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $18, $19)

-- name: quest_by_id
select q.n, q.id, q.subject, q.description, q.acceptance, q.status, q.priority, q.assignee, a.id,
	a.name, q.parent, q.required, q.labels, q.idea_id, q.idea_ids, q.due_at, q.dependencies,
	q.open_dependencies, q.dependents, q.open_children, q.blocked_by, q.blocked_reason, q.attempt,
	q.task, q.claimed_by, q.claimed_at, q.outcome, q.created_by, q.created_at, q.updated_at,
	q.closed_at, q.lapses, t.lease_until, q.capabilities
from quests q
left join agents a on a.n = q.assignee
left join tasks t on t.n = q.task
where q.id = $1

-- name: quest_by_n
select q.n, q.id, q.subject, q.description, q.acceptance, q.status, q.priority, q.assignee, a.id,
	a.name, q.parent, q.required, q.labels, q.idea_id, q.idea_ids, q.due_at, q.dependencies,
	q.open_dependencies, q.dependents, q.open_children, q.blocked_by, q.blocked_reason, q.attempt,
	q.task, q.claimed_by, q.claimed_at, q.outcome, q.created_by, q.created_at, q.updated_at,
	q.closed_at, q.lapses, t.lease_until, q.capabilities
from quests q
left join agents a on a.n = q.assignee
left join tasks t on t.n = q.task
where q.n = $1

-- name: quest_key_by_id
select n, status, parent, dependents
from quests
where id = $1

-- name: quest_key_by_n
select n, status, parent, dependents
from quests
where n = $1

-- name: quest_set
update quests
set subject = $2, description = $3, acceptance = $4, priority = $5, parent = $6, required = $7,
	labels = $8, idea_id = $9, idea_ids = $10, due_at = $11, updated_at = $12,
	capabilities = $13
where n = $1

-- name: quest_set_assignee
update quests
set assignee = $2, updated_at = $3
where n = $1

-- name: quest_claim
update quests
set status = 2, was_free = assignee is null, assignee = $2, attempt = attempt + 1, task = $3,
	claimed_by = $4, claimed_at = $5,
	updated_at = $5
where n = $1

-- name: quest_set_status
update quests
set status = $2, blocked_by = $3, blocked_reason = $4, outcome = coalesce($5, outcome),
	closed_at = $6, updated_at = $7, task = null, lapses = $8,
	assignee = case when $9 and was_free then null else assignee end
where n = $1

-- name: quest_next
select n, rank
from quests
where assignee is $1
and capabilities is null
and rank is not null
order by rank desc, n
limit 1

-- The first of the next sort of those that need something.
-- name: quest_next_of_sort
select n, rank, capabilities
from quests
where assignee is $1
and capabilities > $2
and rank is not null
order by capabilities, rank desc, n
limit 1

-- name: quest_next_with_label
select quest, rank
from quest_labels
where assignee is $1
and label = $2
and capabilities is null
and rank is not null
order by rank desc, quest
limit 1

-- name: quest_next_of_sort_with_label
select quest, rank, capabilities
from quest_labels
where assignee is $1
and capabilities > $2
and label = $3
and rank is not null
order by capabilities, rank desc, quest
limit 1

-- name: quest_open_sort_after
select min(capabilities)
from quests
where capabilities > $1
and status not in (3, 6)

-- name: quest_label_add
insert into quest_labels (quest, label, rank, assignee, capabilities)
select $1, $2, rank, assignee, capabilities
from quests
where n = $1
on conflict do nothing

-- name: quest_labels_remove
delete from quest_labels
where quest = $1

-- name: quest_page
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.n < $1
order by q.n desc

-- name: quest_page_of_status
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.status = $2
and q.n < $1
order by q.n desc

-- name: quest_page_of_assignee
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.assignee = $2
and q.n < $1
order by q.n desc

-- name: quest_page_of_parent
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.parent = $2
and q.n < $1
order by q.n desc

-- name: quest_page_of_label
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quest_labels l
join quests q on q.n = l.quest
left join agents a on a.n = q.assignee
where l.label = $2
and l.quest < $1
order by l.quest desc

-- name: quest_page_of_assignee_and_status
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.assignee = $2
and q.status = $3
and q.n < $1
order by q.n desc

-- name: quest_page_of_subject
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.subject = $2 collate nocase
and q.n > $1
order by q.n

-- name: quest_page_after_subject
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.subject > $1 collate nocase
order by q.subject collate nocase, q.n

-- name: quest_page_ready
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.rank = $1
and q.rank is not null
and q.n > $2
order by q.n

-- name: quest_page_ready_of_assignee
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quests q
left join agents a on a.n = q.assignee
where q.assignee = $3
and q.rank = $1
and q.rank is not null
and q.n > $2
order by q.n

-- name: quest_page_ready_of_label
select q.n, q.id, q.subject, q.status, q.priority, q.assignee, a.name, q.parent,
	q.open_dependencies, q.open_children, q.blocked_by, q.labels, q.due_at, q.created_at,
	q.updated_at, q.capabilities
from quest_labels l
join quests q on q.n = l.quest
left join agents a on a.n = q.assignee
where l.label = $3
and l.rank = $1
and l.rank is not null
and l.quest > $2
order by l.quest

-- name: quest_dependencies
select dependency
from quest_dependencies
where quest = $1
order by dependency

-- name: quest_dependency_rows
select q.n, q.subject, q.status, q.outcome, q.idea_id, q.idea_ids
from quest_dependencies d
join quests q on q.n = d.dependency
where d.quest = $1
order by d.dependency

-- name: quest_dependents
select q.n, q.id, q.status, q.open_dependencies, q.blocked_by
from quest_dependencies d
join quests q on q.n = d.quest
where d.dependency = $1
order by d.quest

-- name: quest_waiters
select quest
from quest_dependencies
where dependency = $1
union all
select p.n
from quests q
join quests p on p.n = q.parent
where q.n = $1
and q.required = 1
and q.status not in (3, 6)
and p.status not in (3, 6)

-- name: quest_dependency_add
insert into quest_dependencies (quest, dependency)
values ($1, $2)

-- name: quest_dependency_remove
delete from quest_dependencies
where quest = $1
and dependency = $2

-- name: quest_dependents_add
update quests
set dependents = dependents + $2
where n = $1

-- name: quest_open_dependencies_add
update quests
set open_dependencies = open_dependencies + $2
where n = $1

-- name: quest_set_dependencies
update quests
set dependencies = $2, open_dependencies = $3
where n = $1

-- name: quest_failed_dependency
select d.dependency
from quest_dependencies d
join quests q on q.n = d.dependency
where d.quest = $1
and q.status in (4, 6)
order by d.dependency
limit 1

-- name: quest_open_children_add
update quests
set open_children = open_children + $2
where n = $1

-- name: quest_open_children
select n
from quests
where parent = $1
and required = 1
and status in (1, 2, 5)
order by n
limit $2

-- name: check_quests_dependencies
-- may scan: counts all rows
select 'quest q-' || n || ': counts ' || dependencies || ' dependencies, ' || open_dependencies
	|| ' of them open, and ' || dependents || ' dependents, which is wrong'
from quests q
where dependencies <> (
	select count(*)
	from quest_dependencies d
	where d.quest = q.n
)
or open_dependencies <> (
	select count(*)
	from quest_dependencies d
	join quests t on t.n = d.dependency
	where d.quest = q.n
	and t.status <> 3
)
or dependents <> (
	select count(*)
	from quest_dependencies d
	where d.dependency = q.n
)

-- name: check_quests_children
-- may scan: counts all rows
select 'quest q-' || n || ': counts ' || open_children || ' open children, which is wrong'
from quests q
where open_children <> (
	select count(*)
	from quests c
	where c.parent = q.n
	and c.required = 1
	and c.status in (1, 2, 5)
)
or (status = 3 and open_children > 0)

-- name: check_quests_states
-- may scan: looks at all rows
select 'quest q-' || n || ': status ' || status || ' does not go with what it waits for'
from quests q
where (status in (2, 3) and open_dependencies > 0)
or (status = 1 and exists (
	select 1
	from quest_dependencies d
	join quests t on t.n = d.dependency
	where d.quest = q.n
	and t.status in (4, 6)
))
or (blocked_by is not null and (status <> 5 or not exists (
	select 1
	from quest_dependencies d
	join quests t on t.n = d.dependency
	where d.quest = q.n
	and d.dependency = q.blocked_by
	and t.status in (4, 6)
)))
or (task is not null) <> (status = 2)

-- name: check_quests_attempts
-- may scan: looks at all rows
select 'quest q-' || q.n || ': its attempt t-' || q.task || ' is not under way'
from quests q
left join tasks t on t.n = q.task
where q.task is not null
and (t.quest is not q.n or t.state <> 4 or t.attempt <> q.attempt)
union all
select 'task t-' || t.n || ': its quest q-' || t.quest || ' has another attempt, or none'
from tasks t
left join quests q on q.n = t.quest
where t.quest is not null
and t.state < 8
and q.task is not t.n

-- name: check_quests_labels
-- may scan: looks at all rows
select 'quest q-' || q.n || ': its label ' || l.label || ' is not kept as the quest is'
from quest_labels l
join quests q on q.n = l.quest
where l.rank is not q.rank
or l.assignee is not q.assignee
or l.capabilities is not q.capabilities
or instr(char(10) || coalesce(q.labels, '') || char(10), char(10) || l.label || char(10)) = 0

-- A wait that leads back to itself goes through a required child that depends on something, for
-- neither parents nor dependencies alone ever formed one: so from each such child up, to all that
-- cannot be done before it, a thousand of them.
-- name: stuck_quests
-- may scan: looks at all that are required by another
select 'q-' || x.n || ' depends on q-' || d.dependency || ', which cannot be done before it'
from quests x
join quest_dependencies d on d.quest = x.n
where x.parent is not null
and x.required = 1
and x.open_dependencies > 0
and x.status not in (3, 6)
and d.dependency in (
	with recursive waiter (n) as (
		select x.parent
		union
		select b.quest
		from waiter w
		join quest_dependencies b on b.dependency = w.n
		join quests t on t.n = b.quest
		where t.status not in (3, 6)
		union
		select c.parent
		from waiter w
		join quests c on c.n = w.n
		where c.parent is not null
		and c.required = 1
		and c.status not in (3, 6)
		limit 1000
	)
	select w.n
	from waiter w
	join quests t on t.n = w.n
	where t.status not in (3, 6)
)
