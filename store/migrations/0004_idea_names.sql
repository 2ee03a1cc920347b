-- An idea is also found by its name alone: the name comes first.
drop index ideas_by_name;
create unique index ideas_by_name on ideas (name, owner);
