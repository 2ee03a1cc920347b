-- Calls that are made when an event comes.
create table subscriptions (
	n integer primary key autoincrement, -- none is given twice: firings name it
	id text not null unique,
	name text,
	state integer not null check (state between 1 and 2), -- active, stopped
	stop_reason text,
	kind text not null,
	subject text,
	source text,
	rule text not null, -- JSON: predicates, calls, retry
	count integer not null check (count > 0),
	window_ms integer not null,
	cooldown_ms integer not null,
	max_per_minute integer not null,
	-- By what it is found when an event comes: the literal beginning of its kind; of its subject, or of
	-- a field of the payload, which value it wants. Path '-': it is looked at whatever they are.
	key text not null,
	path text not null,
	value text not null,
	since integer not null, -- seq of the newest event when it was made: it answers later ones
	by_kind integer not null,
	by text not null,
	by_key text,
	created_at integer not null,
	updated_at integer not null
) strict;

create unique index subscriptions_by_name on subscriptions (name collate nocase) where name is not null;
create index subscriptions_to_match on subscriptions (key, path, value, n) where state = 1;
create index subscriptions_stopped on subscriptions (n) where state = 2;

-- Apart, as a row is written anew whenever it fires.
create table subscription_counts (
	subscription integer primary key references subscriptions (n) on delete cascade,
	fired integer not null default 0,
	failed integer not null default 0,
	suppressed integer not null default 0,
	fired_at integer, -- time of the event
	minute integer not null default 0,
	in_minute integer not null default 0,
	last_error text
) strict;

-- Matches that are counted towards the next firing.
create table subscription_hits (
	subscription integer not null references subscriptions (n) on delete cascade,
	seq integer not null,
	at_ms integer not null,
	primary key (subscription, seq)
) strict, without rowid;

-- Events that some subscription may answer and that have not been held against all of them: written
-- with the event, gone in the transaction that has made their firings.
create table events_to_match (
	seq integer primary key,
	depth integer not null, -- of the firing that made it; 0 = none
	after integer not null -- the subscriptions up to this one have been looked at
) strict;
