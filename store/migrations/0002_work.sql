-- Agents and quests. `n` is the key inside, `id` the one outside; a quest's short id is q-<n>.
-- Numbers of enums are their place in schemas/types (checked by store/agents.c and store/quests.c).

-- An erased agent leaves its id and name behind: quests show the name of who did them.
create table agents (
	n integer primary key,
	id text not null unique,
	name text not null,
	status integer not null check (status between 1 and 3), -- active, paused, retired
	instructions text,
	model text,
	grants text, -- canonical JSON
	parent integer references agents (n),
	depth integer not null default 0,
	max_concurrent integer not null,
	in_progress integer not null default 0 check (in_progress >= 0),
	children integer not null default 0 check (children >= 0), -- not retired
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	retired_at integer,
	erased_at integer
) strict;

create unique index agents_by_name on agents (name collate nocase) where erased_at is null;
create index agents_by_parent on agents (parent, name collate nocase) where erased_at is null;

create table quests (
	n integer primary key,
	id text not null unique,
	subject text not null,
	description text,
	acceptance text,
	-- pending, in_progress, done, failed, blocked, cancelled
	status integer not null check (status between 1 and 6),
	priority integer not null check (priority between 1 and 4), -- low … critical
	assignee integer references agents (n),
	parent integer references quests (n),
	required integer not null default 1,
	labels text, -- one a line; as rows in quest_labels
	idea_id text,
	idea_ids text, -- one a line
	due_at integer,
	dependencies integer not null default 0, -- rows of quest_dependencies
	open_dependencies integer not null default 0 check (open_dependencies >= 0), -- not done
	dependents integer not null default 0,
	open_children integer not null default 0 check (open_children >= 0), -- required, not closed
	blocked_by integer references quests (n), -- the dependency that failed or was cancelled
	blocked_reason text,
	attempt integer not null default 0,
	token text, -- of the attempt in progress
	claimed_by text,
	claimed_at integer,
	outcome text, -- JSON, of the last attempt
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	closed_at integer,
	-- the priority, while it is ready: can be claimed now
	rank integer generated always as
		(case when status = 1 and open_dependencies = 0 then priority end) stored
) strict;

create index quests_ready on quests (rank desc, n) where rank is not null;
create index quests_ready_of_assignee on quests (assignee, rank desc, n) where rank is not null;
create index quests_by_status on quests (status, n);
create index quests_by_assignee on quests (assignee, n) where assignee is not null;
create index quests_by_assignee_and_status on quests (assignee, status, n)
	where assignee is not null;
create index quests_by_parent on quests (parent, n) where parent is not null;
create index quests_by_subject on quests (subject collate nocase, n);

create trigger quests_status_at_first before insert on quests
when new.status not in (1, 5)
begin
	select raise(abort, 'quests.status');
end;

create trigger quests_status before update of status on quests
when new.status <> old.status
and not (old.status = 1 and new.status in (2, 5, 6))
and not (old.status = 2 and new.status in (1, 3, 4, 5, 6))
and not (old.status = 4 and new.status = 1)
and not (old.status = 5 and new.status in (1, 4, 6))
begin
	select raise(abort, 'quests.status');
end;

create table quest_dependencies (
	quest integer not null references quests (n),
	dependency integer not null references quests (n),
	primary key (quest, dependency)
) strict, without rowid;

create index quest_dependencies_back on quest_dependencies (dependency, quest);

-- rank and assignee are copies, kept by the trigger, so that the next ready quest with a label is
-- found without looking at those that are not.
create table quest_labels (
	quest integer not null references quests (n),
	label text not null,
	rank integer,
	assignee integer,
	primary key (quest, label)
) strict, without rowid;

create index quest_labels_by_label on quest_labels (label, quest);
create index quest_labels_ready on quest_labels (label, rank desc, quest) where rank is not null;
create index quest_labels_ready_of_assignee on quest_labels (label, assignee, rank desc, quest)
	where rank is not null;

create trigger quests_ready_labels
after update of status, open_dependencies, priority, assignee on quests
when new.labels is not null
begin
	update quest_labels
	set rank = new.rank, assignee = new.assignee
	where quest = new.n;
end;
