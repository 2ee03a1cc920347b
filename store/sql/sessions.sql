-- Sessions, who takes part in them, and the turns of agents.

-- name: session_add
insert into sessions (id, kind, key, title, parent, forked, depth, last, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $6, $8, $9, $9)

-- name: session_by_id
select n, id, kind, key, title, parent, forked, depth, last, participants, created_by, created_at,
	updated_at, closed_at
from sessions
where id = $1

-- name: session_by_n
select n, id, kind, key, title, parent, forked, depth, last, participants, created_by, created_at,
	updated_at, closed_at
from sessions
where n = $1

-- name: session_by_key
select n, id, kind, key, title, parent, forked, depth, last, participants, created_by, created_at,
	updated_at, closed_at
from sessions
where key = $1
and kind = $2

-- name: session_set
update sessions
set title = $2, last = $3, updated_at = $4, closed_at = $5
where n = $1

-- name: session_page
select n, id, kind, key, title, parent, forked, depth, last, participants, created_by, created_at,
	updated_at, closed_at
from sessions
where n < $1
order by n desc

-- name: session_page_of
select s.n, s.id, s.kind, s.key, s.title, s.parent, s.forked, s.depth, s.last, s.participants,
	s.created_by, s.created_at, s.updated_at, s.closed_at
from session_participants p
join sessions s on s.n = p.session
where p.who = $2
and p.session < $1
order by p.session desc

-- name: session_join
insert into session_participants (session, who, read, joined_at)
values ($1, $2, $3, $4)
on conflict (session, who) do nothing

-- name: session_participant
select p.who, coalesce(u.name, a.name, r.title), p.read, p.asked, p.asked_at, p.joined_at
from session_participants p
left join users u on u.id = substr(p.who, 6)
left join agents a on a.id = substr(p.who, 7)
left join roles r on r.id = substr(p.who, 6)
where p.session = $1
and p.who = $2

-- name: session_participants
select p.who, coalesce(u.name, a.name, r.title), p.read, p.asked, p.asked_at, p.joined_at
from session_participants p
left join users u on u.id = substr(p.who, 6)
left join agents a on a.id = substr(p.who, 7)
left join roles r on r.id = substr(p.who, 6)
where p.session = $1
order by p.who

-- name: session_read
update session_participants
set read = max(read, $3)
where session = $1
and who = $2

-- name: session_ask
update session_participants
set asked = $3, asked_at = $4
where session = $1
and who = $2

-- name: session_asks_end
update session_participants
set asked = null, asked_at = null
where session = $1
and asked is not null

-- name: session_asked_page
select p.session, p.asked, p.asked_at
from session_participants p
where p.who = $1
and p.session > $2
and p.asked is not null
order by p.session
limit $3

-- name: session_mention_add
insert into session_mentions (who, session, seq)
values ($1, $2, $3)
on conflict do nothing

-- name: session_mentions_read
delete from session_mentions
where who = $1
and session = $2
and seq <= $3

-- name: session_mentions_page
select session, seq
from session_mentions
where who = $1
and (session, seq) > ($2, $3)
order by session, seq
limit $4

-- name: session_turn
select task
from session_turns
where session = $1
and agent = $2

-- name: session_turn_set
insert into session_turns (session, agent, task)
values ($1, $2, $3)
on conflict (session, agent) do update set task = excluded.task

-- name: session_turns
select agent, task
from session_turns
where session = $1
order by agent
limit $2

-- name: check_sessions_messages
-- may scan: counts all rows
select 'session s-' || s.n || ': its newest message is not number ' || s.last
from sessions s
where s.last > s.forked
and s.last <> coalesce((select max(m.seq) from session_messages m where m.session = s.n), s.last)
union all
select 'session s-' || m.session || ': a message is missing between ' || min(m.seq) || ' and ' || max(m.seq)
from session_messages m
group by m.session
having count(*) <> max(m.seq) - min(m.seq) + 1

-- name: check_sessions_participants
-- may scan: counts all rows
select 'session s-' || s.n || ': counts its participants wrongly'
from sessions s
where s.participants <> (select count(*) from session_participants p where p.session = s.n)
