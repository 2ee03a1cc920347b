-- Channels, their chats, and what came through them.

-- name: channel_by_id
select n, id, name, kind, secret, who, enabled, messages, refused, last_refused, last_message_at,
	created_by, created_at, updated_at
from channels
where id = $1

-- name: channel_by_name
select n, id, name, kind, secret, who, enabled, messages, refused, last_refused, last_message_at,
	created_by, created_at, updated_at
from channels
where name = $1

-- name: channel_page
select n, id, name, kind, secret, who, enabled, messages, refused, last_refused, last_message_at,
	created_by, created_at, updated_at
from channels
where name > $1
order by name
limit $2

-- name: channel_n
-- may scan: counts the channels, before one is made
select count(*)
from channels

-- name: channel_any
-- may scan: the channels, of which there are few
select 1
from channels
where enabled = 1
limit 1

-- name: channel_add
insert into channels (id, name, kind, secret, who, created_by, created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, $7)

-- name: channel_set
update channels
set secret = $2, who = $3, enabled = $4, updated_at = $5
where n = $1

-- name: channel_took
update channels
set messages = messages + 1, last_message_at = $2
where n = $1

-- name: channel_refused
update channels
set refused = refused + 1, last_refused = $2
where n = $1

-- name: channel_delete
delete from channels
where n = $1

-- name: channel_chats
select chat
from channel_chats
where channel = $1
order by chat

-- name: channel_chat_n
select count(*)
from channel_chats
where channel = $1

-- name: channel_has_chat
select 1
from channel_chats
where channel = $1
and chat = $2

-- name: channel_chat_add
insert or ignore into channel_chats (channel, chat)
values ($1, $2)

-- name: channel_chats_clear
delete from channel_chats
where channel = $1

-- name: channel_delivery_find
select session, seq
from channel_deliveries
where channel = $1
and key = $2

-- name: channel_delivery_add
insert into channel_deliveries (at_ms, channel, key, session, seq)
values ($1, $2, $3, $4, $5)

-- name: channel_delivery_front
-- may scan: the first rows in key order, a bounded number
select n, at_ms
from channel_deliveries
order by n
limit $1

-- name: channel_delivery_prune
delete from channel_deliveries
where n <= $1
