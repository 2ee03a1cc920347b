-- Secrets that are kept. What they are is sealed by a data key, which is sealed by a master key that
-- no database holds; the rest of the row is what a sealed value is bound to. Numbers of enums are their
-- place in schemas/types (checked by store/credentials.c).

create table data_keys (
	n integer primary key autoincrement, -- none is given twice: values are bound to it
	sealed text not null,
	created_at integer not null
) strict;

create table credentials (
	n integer primary key,
	id text not null unique,
	scope integer not null check (scope between 1 and 4), -- agent, role, entity, internal
	owner text not null, -- '' of the entity
	provider text not null, -- '' where nobody named it
	name text not null,
	kind integer not null,
	source integer not null,
	version integer not null,
	data_key integer not null references data_keys (n),
	sealed text not null,
	redacted integer not null, -- wherever its value turns up
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	used_at integer
) strict;

create unique index credentials_by_name on credentials (name, scope, owner, provider);
create index credentials_by_owner on credentials (owner, n);
create index credentials_by_data_key on credentials (data_key, n);

-- What is an agent's or a role's goes with it.
create trigger credentials_go_with_roles after delete on roles
begin
	delete from credentials where owner = old.id;
end;

create trigger credentials_go_with_agents after update of erased_at on agents
when new.erased_at is not null
begin
	delete from credentials where owner = old.id;
end;
