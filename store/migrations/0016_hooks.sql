-- Where others may deliver events. Secrets are kept sealed, by a key that is not in here.

create table hooks (
	n integer primary key autoincrement,
	id text not null unique,
	name text not null,
	kind integer not null check (kind between 1 and 5), -- github, gitlab, slack, stripe, hmac
	secret text not null,
	old_secret text, -- good until old_until
	old_until integer,
	signature_header text, -- of kind hmac, as the two below
	timestamp_header text,
	id_header text,
	window_s integer not null,
	deliveries integer not null default 0,
	last_delivery_at integer,
	created_by text not null,
	created_at integer not null,
	updated_at integer not null,
	check ((old_secret is null) = (old_until is null))
) strict;

create unique index hooks_by_name on hooks (name);

-- What was delivered is taken once: by the sender's id of it, and by what was signed.
create table hook_deliveries (
	n integer primary key autoincrement,
	at_ms integer not null,
	hook integer not null,
	key text not null,
	event integer not null
) strict;

create unique index hook_deliveries_by_key on hook_deliveries (hook, key);
