-- Mailboxes: named, each with one owner, who alone takes mail out of it.

create table mailboxes (
	n integer primary key autoincrement, -- none is given twice: somebody may wait at one that is gone
	id text not null unique,
	name text not null,
	name_key text not null, -- folded: by this it is found
	about text,
	owner text not null, -- 'agent:<id>', 'user:<id>', 'role:<id>' or another principal
	max_mail integer not null, -- more than that is refused
	visibility_ms integer not null,
	sent integer not null default 0, -- seq of its newest mail
	waiting integer not null default 0 check (waiting >= 0),
	in_flight integer not null default 0 check (in_flight >= 0),
	is_gone integer not null default 0, -- deleted: its mail goes step by step, then it
	created_by text not null,
	created_at integer not null
) strict;

create unique index mailboxes_by_name on mailboxes (name_key) where is_gone = 0;
create index mailboxes_by_owner on mailboxes (owner, name_key) where is_gone = 0;
create index mailboxes_gone on mailboxes (n) where is_gone = 1;

-- Mail that nobody has acknowledged yet, by its number in the mailbox.
create table mail (
	n integer primary key,
	mailbox integer not null references mailboxes (n),
	seq integer not null,
	sender text not null,
	payload text not null, -- JSON
	sent_at integer not null,
	deliveries integer not null default 0,
	token text, -- of the last delivery
	due_at integer not null default 0 -- in steady time: delivered, and waiting again then; 0 = waits
) strict;

create index mail_by_state on mail (mailbox, due_at, seq);
create index mail_due on mail (due_at) where due_at > 0;
