-- +goose Up
CREATE TABLE notify_subscription (
	bank          TEXT   NOT NULL,
	kind          TEXT   NOT NULL,
	resource      TEXT   NOT NULL,
	authorisation TEXT   NOT NULL,
	tpp           TEXT   NOT NULL,
	uri           TEXT   NOT NULL,
	content       TEXT   NOT NULL,
	-- How many notices the resource has had. Who queues one takes its serial here, so that
	-- others wait for the end of that transaction, and serials are committed in their order.
	serial        BIGINT NOT NULL,
	PRIMARY KEY (bank, kind, resource)
);
CREATE TABLE notify_event (
	bank       TEXT    NOT NULL,
	kind       TEXT    NOT NULL,
	resource   TEXT    NOT NULL,
	serial     BIGINT  NOT NULL,
	id         TEXT    NOT NULL,
	tpp        TEXT    NOT NULL,
	body       TEXT    NOT NULL,
	created_at BIGINT  NOT NULL,
	attempts   INTEGER NOT NULL,
	next_at    BIGINT  NOT NULL,
	leased_to  BIGINT  NOT NULL,
	done_at    BIGINT  NOT NULL,
	dropped    INTEGER NOT NULL,
	failure    TEXT    NOT NULL,
	version    BIGINT  NOT NULL,
	PRIMARY KEY (bank, kind, resource, serial)
);
CREATE INDEX notify_event_due ON notify_event (next_at) WHERE done_at = 0;
CREATE INDEX notify_event_waiting ON notify_event (bank, kind, resource, serial) WHERE done_at = 0;
CREATE INDEX notify_event_failing ON notify_event (bank, created_at) WHERE failure <> '';
CREATE INDEX notify_event_done ON notify_event (dropped, done_at) WHERE done_at > 0;
