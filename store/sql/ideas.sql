-- Ideas.

-- name: idea_add
insert into ideas (id, name, owner, content, kind, tags, properties, scope, injection_mode, evergreen,
	version, fingerprint, name_key, created_by, created_ms, updated_ms)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1, $11, $12, $13, $14, $14)

-- name: idea_change
update ideas
set name = $2, owner = $3, content = $4, kind = $5, tags = $6, properties = $7, scope = $8,
	injection_mode = $9, evergreen = $10, version = version + 1, fingerprint = $11, name_key = $12, updated_ms = $13
where seq = $1

-- name: idea_by_id
select seq, id, name, owner, content, kind, tags, properties, scope, injection_mode, evergreen,
	version, created_by, created_ms, updated_ms
from ideas
where id = $1

-- name: idea_by_name
select seq, id, name, owner, content, kind, tags, properties, scope, injection_mode, evergreen,
	version, created_by, created_ms, updated_ms
from ideas
where name_key = $1
and owner = $2
order by name <> $3, seq
limit 20

-- name: idea_named
select seq, id, name, owner, content, kind, tags, properties, scope, injection_mode, evergreen,
	version, created_by, created_ms, updated_ms
from ideas
where name_key = $1
order by name <> $2, owner, seq
limit 1000

-- name: idea_twin
select seq
from ideas
where name_key = $1
and owner = $2
and seq <> $3
limit 1

-- name: idea_twins
-- may scan: walks the index of names, after a migration
select min(name), max(name), owner, count(seq)
from ideas
group by name_key, owner
having count(seq) > 1
limit 5

-- name: idea_remove
delete from ideas
where seq = $1

-- name: idea_list
select seq, id, name, owner, substr(content, 1, 200), kind, tags, scope, injection_mode, updated_ms
from ideas
where seq < $1
order by seq desc
limit $2

-- name: idea_list_of_kind
select seq, id, name, owner, substr(content, 1, 200), kind, tags, scope, injection_mode, updated_ms
from ideas
where kind = $3
and seq < $1
order by seq desc
limit $2

-- name: idea_list_of_owner
select seq, id, name, owner, substr(content, 1, 200), kind, tags, scope, injection_mode, updated_ms
from ideas
where owner = $3
and seq < $1
order by seq desc
limit $2

-- name: idea_list_of_tag
select i.seq, i.id, i.name, i.owner, substr(i.content, 1, 200), i.kind, i.tags, i.scope,
	i.injection_mode, i.updated_ms
from idea_tags t
join ideas i on i.seq = t.idea
where t.tag = $3
and t.idea < $1
order by t.idea desc
limit $2

-- name: idea_tag_add
insert into idea_tags (tag, idea)
values ($1, $2)
on conflict do nothing

-- name: idea_tags_remove
delete from idea_tags
where idea = $1

-- name: idea_band_add
insert into idea_bands (band, idea)
values ($1, $2)
on conflict do nothing

-- name: idea_bands_remove
delete from idea_bands
where idea = $1

-- name: idea_band_members
select b.idea, i.id, i.name, i.owner, i.scope, i.fingerprint
from idea_bands b
join ideas i on i.seq = b.idea
where b.band = $1
and b.idea <> $2
order by b.idea desc
limit 32

-- name: idea_words_add
insert into idea_words (rowid, name, content, tags)
values ($1, $2, $3, $4)

-- name: idea_words_remove
insert into idea_words (idea_words, rowid, name, content, tags)
values ('delete', $1, $2, $3, $4)

-- name: idea_search
-- may scan: the index of words is the index
select i.seq, i.id, i.name, i.owner, i.kind, i.tags, i.scope, i.evergreen, i.n_links, i.updated_ms,
	bm25(idea_words, 8.0, 1.0, 4.0)
from idea_words w
join ideas i on i.seq = w.rowid
where idea_words match $1
and ($2 is null or i.kind = $2)
order by w.rowid desc
limit $3

-- name: idea_content
select content
from ideas
where seq = $1

-- name: idea_link_add
insert into idea_links (source, type, key, target, written)
values ($1, $2, $3, $4, $5)
on conflict do nothing

-- name: idea_link_remove
delete from idea_links
where source = $1
and type = $2
and key = $3

-- name: idea_mentions_remove
delete from idea_links
where source = $1
and type in ('mention', 'embed')

-- name: idea_typed_links_remove
delete from idea_links
where target = $1
and type not in ('mention', 'embed')

-- name: idea_links_of
select l.type, coalesce(l.written, l.key), i.id, i.name, i.owner, i.scope, i.kind, i.seq
from idea_links l
left join ideas i on i.seq = l.target
where l.source = $1
order by l.type, l.key
limit $2

-- name: idea_links_to
select l.type, l.key, i.id, i.name, i.owner, i.scope, i.kind, i.seq
from idea_links l
join ideas i on i.seq = l.source
where l.target = $1
order by l.source, l.type
limit $2

-- name: idea_dangling
select l.source, l.type, i.owner
from idea_links l
join ideas i on i.seq = l.source
where l.key = $1
and l.target is null
limit 1000

-- name: idea_link_aim
update idea_links
set target = $4
where source = $1
and type = $2
and key = $3

-- name: idea_links_of_remove
delete from idea_links
where source = $1

-- name: idea_mentions_dangle
update idea_links
set target = null
where target = $1
