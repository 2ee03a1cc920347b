-- Channels: chats of other services, each of which is a session. Secrets are kept sealed, by a key that
-- is not in here.

create table channels (
	n integer primary key autoincrement,
	id text not null unique,
	name text not null unique,
	kind integer not null check (kind between 1 and 5), -- webhook, telegram, slack, whatsapp, email
	secret text, -- of kind webhook always
	who text not null, -- a participant: who is talked to there
	enabled integer not null default 0,
	messages integer not null default 0,
	refused integer not null default 0,
	last_refused text, -- chat
	last_message_at integer,
	created_by text not null,
	created_at integer not null,
	updated_at integer not null
) strict;

-- Chats whose messages are taken.
create table channel_chats (
	channel integer not null references channels (n),
	chat text not null,
	primary key (channel, chat)
) strict, without rowid;

-- What was delivered is taken once: by the sender's id of it, and by what was signed.
create table channel_deliveries (
	n integer primary key autoincrement,
	at_ms integer not null,
	channel integer not null,
	key text not null,
	session integer not null,
	seq integer not null
) strict;

create unique index channel_deliveries_by_key on channel_deliveries (channel, key);
