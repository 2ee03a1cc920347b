-- Names of ideas are compared folded: case and composed accents make no other name. fold() and words()
-- are fold_key() and words_cut(). Ideas whose names differ in that only stay, and are told of.
alter table ideas add column name_key text not null default '';
update ideas set name_key = fold(name);
create index ideas_by_key on ideas (name_key, owner);

-- A mention is known by the folded name; `written` is how the content spells it.
alter table idea_links add column written text;

delete from idea_links
where type in ('mention', 'embed')
and exists (
	select 1
	from idea_links o
	where o.source = idea_links.source
	and o.type = idea_links.type
	and o.key < idea_links.key
	and fold(o.key) = fold(idea_links.key)
);

update idea_links
set written = key, key = fold(key)
where type in ('mention', 'embed');

update idea_links
set target = (
	select i.seq
	from ideas i
	join ideas s on s.seq = idea_links.source
	where i.name_key = idea_links.key
	and i.owner in (s.owner, '')
	order by i.owner desc, i.seq
	limit 1
)
where target is null
and type in ('mention', 'embed')
and exists (
	select 1
	from ideas i
	join ideas s on s.seq = idea_links.source
	where i.name_key = idea_links.key
	and i.owner in (s.owner, '')
);

-- Letters that fold to several are indexed as these.
insert into idea_words (idea_words) values ('delete-all');
insert into idea_words (rowid, name, content, tags)
select seq, words(name), words(content), words(tags)
from ideas;
