-- What a quest asks of who takes it. The ready ones that ask the same (a sort) stand in order of rank,
-- and a claim looks at the first of each sort; so there may be only so many of open ones.
alter table quests add column capabilities text; -- sorted, one a line
alter table quest_labels add column capabilities text; -- a copy, as rank is

create index quests_ready_of_sort on quests (assignee, capabilities, rank desc, n)
	where rank is not null;
create index quests_open_of_sort on quests (capabilities, status)
	where capabilities is not null and status not in (3, 6);

drop index quest_labels_ready_of_assignee;
create index quest_labels_ready_of_sort on quest_labels (label, assignee, capabilities, rank desc, quest)
	where rank is not null;

drop trigger quests_ready_labels;
create trigger quests_ready_labels
after update of status, open_dependencies, priority, assignee, capabilities on quests
when new.labels is not null
begin
	update quest_labels
	set rank = new.rank, assignee = new.assignee, capabilities = new.capabilities
	where quest = new.n;
end;
