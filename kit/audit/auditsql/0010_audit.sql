-- +goose Up
-- The record only grows: it has no key, because a key would cost every write an index that
-- nothing needs. It is read by resource.
CREATE TABLE audit (
	bank       TEXT   NOT NULL,
	at         BIGINT NOT NULL,
	actor      TEXT   NOT NULL,
	action     TEXT   NOT NULL,
	resource   TEXT   NOT NULL,
	request_id TEXT   NOT NULL
);
CREATE INDEX audit_resource ON audit (bank, resource);
