-- Mailboxes and the mail in them.

-- name: mailbox_by_id
select m.n, m.id, m.name, m.about, m.owner, coalesce(a.name, u.name, r.title), m.max_mail,
	m.visibility_ms, m.sent, m.waiting, m.in_flight, m.created_by, m.created_at
from mailboxes m
left join agents a on a.id = substr(m.owner, instr(m.owner, ':') + 1)
left join users u on u.id = substr(m.owner, instr(m.owner, ':') + 1)
left join roles r on r.id = substr(m.owner, instr(m.owner, ':') + 1)
where m.id = $1
and m.is_gone = 0

-- name: mailbox_by_key
select m.n, m.id, m.name, m.about, m.owner, coalesce(a.name, u.name, r.title), m.max_mail,
	m.visibility_ms, m.sent, m.waiting, m.in_flight, m.created_by, m.created_at
from mailboxes m
left join agents a on a.id = substr(m.owner, instr(m.owner, ':') + 1)
left join users u on u.id = substr(m.owner, instr(m.owner, ':') + 1)
left join roles r on r.id = substr(m.owner, instr(m.owner, ':') + 1)
where m.name_key = $1
and m.is_gone = 0

-- name: mailbox_page
select m.n, m.id, m.name, m.about, m.owner, coalesce(a.name, u.name, r.title), m.max_mail,
	m.visibility_ms, m.sent, m.waiting, m.in_flight, m.created_by, m.created_at
from mailboxes m
left join agents a on a.id = substr(m.owner, instr(m.owner, ':') + 1)
left join users u on u.id = substr(m.owner, instr(m.owner, ':') + 1)
left join roles r on r.id = substr(m.owner, instr(m.owner, ':') + 1)
where m.is_gone = 0
and m.name_key > $1
order by m.name_key
limit $2

-- name: mailbox_page_of_owner
select m.n, m.id, m.name, m.about, m.owner, coalesce(a.name, u.name, r.title), m.max_mail,
	m.visibility_ms, m.sent, m.waiting, m.in_flight, m.created_by, m.created_at
from mailboxes m
left join agents a on a.id = substr(m.owner, instr(m.owner, ':') + 1)
left join users u on u.id = substr(m.owner, instr(m.owner, ':') + 1)
left join roles r on r.id = substr(m.owner, instr(m.owner, ':') + 1)
where m.is_gone = 0
and m.owner = $3
and m.name_key > $1
order by m.name_key
limit $2

-- name: mailbox_n
-- may scan: counts the mailboxes, before one is made
select count(*)
from mailboxes

-- name: mailbox_add
insert into mailboxes (id, name, name_key, about, owner, max_mail, visibility_ms, created_by,
	created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- name: mailbox_count
update mailboxes
set sent = sent + $2, waiting = waiting + $3, in_flight = in_flight + $4
where n = $1

-- name: mailbox_leave
update mailboxes
set is_gone = 1
where n = $1

-- name: mailbox_first_gone
select n
from mailboxes
where is_gone = 1
limit 1

-- name: mailbox_remove
delete from mailboxes
where n = $1
and not exists (
	select 1
	from mail
	where mailbox = $1
)

-- name: mail_add
insert into mail (mailbox, seq, sender, payload, sent_at)
values ($1, $2, $3, $4, $5)

-- name: mail_waiting
select n, seq, sender, payload, sent_at, deliveries
from mail
where mailbox = $1
and due_at = 0
order by seq
limit $2

-- name: mail_deliver
update mail
set deliveries = deliveries + 1, token = $2, due_at = $3
where n = $1

-- name: mail_ack
delete from mail
where n = $1
and mailbox = $2
and seq = $3
and token = $4
returning due_at > 0

-- name: mail_is_there
select count(*)
from mail
where n = $1
and mailbox = $2
and seq = $3

-- name: mail_due
select n, mailbox
from mail
where due_at > 0
and due_at <= $1
order by due_at
limit $2

-- name: mail_due_first
select min(due_at)
from mail
where due_at > 0

-- name: mail_return
update mail
set due_at = 0
where n = $1

-- name: mail_sweep
delete from mail
where n in (
	select n
	from mail
	where mailbox = $1
	limit $2
)

-- name: check_mailboxes
-- may scan: looks at all rows
select 'mailbox ' || name || ': counts wrongly what is in it'
from mailboxes
where is_gone = 0
and (
	waiting <> (select count(*) from mail where mailbox = mailboxes.n and due_at = 0)
	or in_flight <> (select count(*) from mail where mailbox = mailboxes.n and due_at > 0)
	or sent < coalesce((select max(seq) from mail where mailbox = mailboxes.n), 0)
)

-- name: check_mail
-- may scan: looks at all rows
select 'mail ' || n || ': was delivered, and to nobody'
from mail
where due_at > 0
and (deliveries = 0 or token is null)
