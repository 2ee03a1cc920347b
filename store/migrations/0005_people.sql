-- People, seats, keys and the audit.

-- One who left keeps id and name: events and quests say who did what.
create table users (
	n integer primary key,
	id text not null unique,
	name text not null,
	addresses text, -- one a line
	about text,
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	deleted_at integer
) strict;

create unique index users_by_name on users (name collate nocase) where deleted_at is null;

-- Seats; a short id is r-<n>. The occupant is the id of an agent or a person.
create table roles (
	n integer primary key autoincrement,
	id text not null unique,
	title text not null,
	type integer not null check (type between 1 and 3), -- director, operational, advisor
	description text,
	occupant_kind integer check (occupant_kind between 1 and 2), -- agent, human
	occupant text,
	occupied_at integer,
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	check ((occupant is null) = (occupant_kind is null))
) strict;

create index roles_by_occupant on roles (occupant, n) where occupant is not null;
create index roles_vacant on roles (n) where occupant is null;

create table role_edges (
	parent integer not null references roles (n),
	child integer not null references roles (n),
	primary key (parent, child)
) strict, without rowid;

create index role_edges_back on role_edges (child, parent);

-- Who is above whom, each role above itself too; `paths` counts the ways down, so that an edge
-- that goes takes with it what only it carried.
create table role_closure (
	ancestor integer not null references roles (n),
	descendant integer not null references roles (n),
	paths integer not null check (paths between 1 and 1000000000000),
	primary key (ancestor, descendant)
) strict, without rowid;

create index role_closure_back on role_closure (descendant, ancestor);

-- A key's text is never kept, only a hash of it under a secret that is not in here.
create table keys (
	n integer primary key,
	id text not null unique, -- the part of the key that may be shown
	name text not null,
	hash text not null,
	owner_kind integer not null check (owner_kind between 1 and 4), -- user, agent, worker, platform
	owner text not null, -- id of a user or agent, name of a worker or platform
	access integer not null check (access > 0), -- bits of access_role
	scopes text, -- one a line; null = all that the access roles may
	reads_per_minute integer,
	writes_per_minute integer,
	created_by text not null,
	created_at integer not null,
	expires_at integer,
	revoked_at integer,
	used_at integer,
	rotated_to text
) strict;

create index keys_by_owner on keys (owner, n);

create trigger keys_stay_revoked before update of revoked_at on keys
when old.revoked_at is not null
begin
	select raise(abort, 'keys.stay_revoked');
end;

-- What was done, refused and looked at, each row with a hash of itself and of the row before.
create table audit (
	seq integer primary key autoincrement,
	at_ms integer not null,
	principal text not null,
	key text,
	verb text not null,
	target text,
	outcome integer not null check (outcome between 1 and 3), -- done, failed, denied
	reason text,
	hash text not null
) strict;

create index audit_by_principal on audit (principal, seq);
create index audit_refused on audit (seq) where outcome > 1;

create trigger audit_never_changes before update on audit
begin
	select raise(abort, 'audit.never_changes');
end;

-- Reads that were allowed are counted, a row a day and principal.
create table audit_reads (
	day integer not null, -- since 1970
	principal text not null,
	reads integer not null,
	primary key (day, principal)
) strict, without rowid;
