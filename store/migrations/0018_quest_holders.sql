-- Who has had an attempt of a quest is told that it has ended, whoever has the quest now.
create index tasks_by_quest on tasks (quest, claimed_by) where quest is not null;
