-- +goose Up
-- Authorization requests that were pushed. One that is answered is deleted, so to answer it
-- once is one DELETE.
CREATE TABLE oauth_pushed (
	bank       TEXT   NOT NULL,
	reference  BYTEA  NOT NULL,
	client     TEXT   NOT NULL,
	request    TEXT   NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (bank, reference)
);
CREATE INDEX oauth_pushed_expires ON oauth_pushed (expires_at);
