-- The core: small named values, the outbox, and replies kept for repeated requests.

create table meta (
	key text primary key not null,
	value text not null
) strict, without rowid;

-- autoincrement: a seq is never given twice, also when retention has removed the newest; what is
-- rolled back gives its seq back, so the sequence stays dense.
create table events (
	seq integer primary key autoincrement,
	at_ms integer not null,
	kind text not null,
	source text not null,
	subject text,
	payload text not null
) strict;

create index events_by_subject on events (subject, seq) where subject is not null;
create index events_by_kind on events (kind, seq);

create trigger events_never_change before update on events
begin
	select raise(abort, 'events.never_change');
end;

-- id rises with time, so that retention removes from the front.
create table replies (
	id integer primary key,
	at_ms integer not null,
	principal text not null,
	method text not null,
	request_id text not null,
	digest text not null,
	result text not null
) strict;

create unique index replies_by_key on replies (principal, request_id, method);
