-- Calls that events and time make: each is a task of the queue `reactions`, which is the runtime's
-- own. One that people had made is called otherwise from here on.
update queues
set name = 'reactions-' || n
where name = 'reactions';

-- What tasks of that queue are about, beside their payload.
create table firings (
	task integer primary key references tasks (n) on delete cascade,
	source integer not null, -- subscription, schedule, hook, channel
	source_id text not null,
	event integer not null, -- seq of the event that it answers
	root integer not null, -- seq of the event with which it all began
	depth integer not null check (depth > 0), -- firings up to this one
	-- with whose authority: kind of principal, id, key
	by_kind integer not null,
	by text not null,
	by_key text
) strict;

create index firings_by_event on firings (event, task);

-- The firing whose calls made an event.
alter table events add column firing integer;
create index events_by_firing on events (firing, seq) where firing is not null;
