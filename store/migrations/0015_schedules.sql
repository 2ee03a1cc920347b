-- Schedules: when calls are made. Times are the wall's.

create table schedules (
	n integer primary key,
	id text not null unique,
	name text not null,
	cron text not null,
	zone text not null,
	calls text, -- object with the list; null = none, the event is all
	overlap integer not null check (overlap between 1 and 3), -- skip, queue, allow
	catch_up integer not null check (catch_up between 0 and 100),
	jitter_s integer not null check (jitter_s between 0 and 3600),
	start_at integer,
	end_at integer,
	anchor_at integer not null, -- intervals are counted from here
	enabled integer not null,
	by_kind integer not null, -- whose authority the calls have
	by text not null,
	by_key text,
	due_at integer, -- the next due time
	next_at integer, -- when it is run: a little later, by jitter
	span_from integer, -- from here to last_due_at every due time had its run
	last_due_at integer,
	last_run_at integer,
	runs integer not null default 0,
	skipped integer not null default 0,
	missed integer not null default 0,
	last_task integer, -- firings that may not be over
	before_task integer,
	problem text,
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	check ((due_at is null) = (next_at is null)),
	check (span_from is null or last_due_at >= span_from)
) strict;

create unique index schedules_by_name on schedules (name collate nocase);
create index schedules_next on schedules (next_at) where next_at is not null;

-- Earlier stretches in which every due time had its run: none has another when the clock is set back.
create table schedule_spans (
	schedule integer not null references schedules (n),
	from_at integer not null,
	through_at integer not null,
	primary key (schedule, from_at),
	check (through_at >= from_at)
) strict, without rowid;
