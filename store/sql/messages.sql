-- Messages of sessions.

-- name: message_add
insert into session_messages (session, seq, kind, sender, role, text, words, reply_to, mentions,
	attachments, at_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- name: message_words_add
insert into message_words (rowid, text, place)
values ($1, $2, 's' || $3)

-- name: message_words_prune
insert into message_words (message_words, rowid, text, place)
select 'delete', n, coalesce(words, text), 's' || session
from session_messages
where n <= $1

-- name: message_get
select m.n, m.session, m.seq, m.kind, m.sender, coalesce(u.name, a.name, r.title), o.n, m.text,
	m.reply_to, m.mentions, m.attachments, m.at_ms
from session_messages m
left join users u on u.id = substr(m.sender, 6)
left join agents a on a.id = substr(m.sender, 7)
left join roles r on r.id = substr(m.sender, 6)
left join roles o on o.id = m.role
where m.session = $1
and m.seq = $2

-- name: message_after
select m.n, m.session, m.seq, m.kind, m.sender, coalesce(u.name, a.name, r.title), o.n, m.text,
	m.reply_to, m.mentions, m.attachments, m.at_ms
from session_messages m
left join users u on u.id = substr(m.sender, 6)
left join agents a on a.id = substr(m.sender, 7)
left join roles r on r.id = substr(m.sender, 6)
left join roles o on o.id = m.role
where m.session = $1
and m.seq > $2
and m.seq <= $3
order by m.seq

-- name: message_before
select m.n, m.session, m.seq, m.kind, m.sender, coalesce(u.name, a.name, r.title), o.n, m.text,
	m.reply_to, m.mentions, m.attachments, m.at_ms
from session_messages m
left join users u on u.id = substr(m.sender, 6)
left join agents a on a.id = substr(m.sender, 7)
left join roles r on r.id = substr(m.sender, 6)
left join roles o on o.id = m.role
where m.session = $1
and m.seq > $2
and m.seq <= $3
order by m.seq desc

-- name: message_floor
select min(seq)
from session_messages
where session = $1

-- name: message_search
-- may scan: the index of words is the index
select m.n, m.session, m.seq, m.kind, m.sender, coalesce(u.name, a.name, r.title), o.n, m.text,
	m.reply_to, m.mentions, m.attachments, m.at_ms
from message_words w
join session_messages m on m.n = w.rowid
left join users u on u.id = substr(m.sender, 6)
left join agents a on a.id = substr(m.sender, 7)
left join roles r on r.id = substr(m.sender, 6)
left join roles o on o.id = m.role
where message_words match $1
order by w.rowid desc
limit $2

-- name: message_front
-- may scan: the first rows in key order, a bounded number
select n, at_ms
from session_messages
order by n
limit $1

-- name: message_head
select max(n)
from session_messages

-- name: message_prune
delete from session_messages
where n <= $1
