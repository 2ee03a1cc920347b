-- Names of people and agents are compared folded, as those of ideas are. Those whose names differ in
-- that only stay, and are told of.
alter table users add column name_key text not null default '';
update users set name_key = fold(name);
create index users_by_key on users (name_key) where deleted_at is null;

alter table agents add column name_key text not null default '';
update agents set name_key = fold(name);
create index agents_by_key on agents (name_key) where erased_at is null;
