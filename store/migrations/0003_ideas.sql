-- Ideas: knowledge, its links, its words and its fingerprints.

-- seq is the row's number in the index of words and the order of lists; owner '' is the company.
-- tags are one a line; fingerprint is 32 numbers of 4 bytes; n_links counts the links that end here.
create table ideas (
	seq integer primary key autoincrement,
	id text not null unique,
	name text not null,
	owner text not null,
	content text not null,
	kind text not null,
	tags text not null,
	properties text,
	scope integer not null check (scope between 1 and 3),
	injection_mode integer not null check (injection_mode between 1 and 3),
	evergreen integer not null check (evergreen in (0, 1)),
	version integer not null,
	n_links integer not null default 0,
	fingerprint blob not null,
	created_by text not null,
	created_ms integer not null,
	updated_ms integer not null
) strict;

create unique index ideas_by_name on ideas (owner, name);
create index ideas_by_kind on ideas (kind, seq);
create index ideas_by_owner on ideas (owner, seq);

create table idea_tags (
	tag text not null,
	idea integer not null references ideas (seq) on delete cascade,
	primary key (tag, idea)
) strict, without rowid;

create index idea_tags_by_idea on idea_tags (idea);

-- A mention or embed is known by the name it calls, and has no target until an idea has that name; a
-- link of another type is known by its target's id.
create table idea_links (
	source integer not null references ideas (seq) on delete cascade,
	type text not null,
	key text not null,
	target integer references ideas (seq) on delete set null,
	primary key (source, type, key)
) strict, without rowid;

create index idea_links_by_target on idea_links (target) where target is not null;
create index idea_links_dangling on idea_links (key) where target is null;

create trigger idea_links_count_new after insert on idea_links when new.target is not null
begin
	update ideas set n_links = n_links + 1 where seq = new.target;
end;

create trigger idea_links_count_old after delete on idea_links when old.target is not null
begin
	update ideas set n_links = n_links - 1 where seq = old.target;
end;

create trigger idea_links_count_changed after update of target on idea_links
begin
	update ideas set n_links = n_links - 1 where seq = old.target;
	update ideas set n_links = n_links + 1 where seq = new.target;
end;

-- Ideas whose fingerprints share a band are compared; the others are not alike.
create table idea_bands (
	band integer not null,
	idea integer not null references ideas (seq) on delete cascade,
	primary key (band, idea)
) strict, without rowid;

create index idea_bands_by_idea on idea_bands (idea);

-- The words only: what is shown comes from ideas. Fed with text cut into words by words.c.
create virtual table idea_words using fts5 (
	name, content, tags,
	content = '',
	tokenize = 'unicode61 remove_diacritics 2'
);
