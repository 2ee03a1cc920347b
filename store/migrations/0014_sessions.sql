-- Sessions: who talks where, what was said, who has read how far and is waited for.
-- A participant is 'user:<id>', 'agent:<id>', 'role:<id>' or 'external:<name>'.

create table sessions (
	n integer primary key autoincrement, -- a short id is s-<n>
	id text not null unique,
	kind integer not null check (kind between 1 and 5), -- direct, group, idea, quest, channel
	key text, -- what it is the one session of: two participants, an idea's or quest's id, a chat
	title text,
	parent integer references sessions (n),
	forked integer not null default 0, -- up to this message its history is the parent's
	depth integer not null default 0, -- so many parents above it
	last integer not null default 0, -- seq of its newest message
	participants integer not null default 0, -- kept by triggers
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	closed_at integer,
	check ((key is null) = (kind = 2)),
	check ((parent is null) = (depth = 0)),
	check (last >= forked)
) strict;

create unique index sessions_by_key on sessions (key, kind) where key is not null;

create table session_participants (
	session integer not null references sessions (n),
	who text not null,
	read integer not null default 0, -- seq
	asked integer, -- the question that waits for its answer: seq
	asked_at integer,
	joined_at integer not null,
	primary key (session, who),
	check ((asked is null) = (asked_at is null))
) strict, without rowid;

create index session_participants_by_who on session_participants (who, session);
create index session_participants_asked on session_participants (who, session) where asked is not null;

create trigger session_participants_count after insert on session_participants
begin
	update sessions set participants = participants + 1 where n = new.session;
end;

-- Dense by seq within a session; never changed. n is the row's number in the index of words.
create table session_messages (
	n integer primary key autoincrement,
	session integer not null references sessions (n),
	seq integer not null,
	kind integer not null check (kind between 1 and 5), -- text, question, answer, system, handoff
	sender text not null, -- a participant, or 'system'
	role text, -- id of the role that the sender spoke for
	text text not null,
	words text, -- as it is indexed, where that is not the text itself
	reply_to integer,
	mentions text, -- one a line
	attachments text, -- JSON
	at_ms integer not null
) strict;

create unique index session_messages_by_seq on session_messages (session, seq);

create trigger session_messages_never_change before update on session_messages
begin
	select raise(abort, 'session_messages.never_change');
end;

-- Who was called by name and has not read it yet.
create table session_mentions (
	who text not null,
	session integer not null,
	seq integer not null,
	primary key (who, session, seq)
) strict, without rowid;

create index session_mentions_by_message on session_mentions (session, seq);

-- The turn of an agent that was made last.
create table session_turns (
	session integer not null references sessions (n),
	agent text not null,
	task text not null,
	primary key (session, agent)
) strict, without rowid;

-- The words only. `place` is the session, as one word. Kept by the statements that add and remove
-- messages: no trigger of a schema that is not trusted may write to it.
create virtual table message_words using fts5 (
	text, place,
	content = '',
	tokenize = 'unicode61 remove_diacritics 2'
);

create trigger session_messages_go after delete on session_messages
begin
	delete from session_mentions where session = old.session and seq = old.seq;
end;
