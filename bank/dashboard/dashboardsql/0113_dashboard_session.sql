-- +goose Up
-- Browsers in which PSUs are logged in. Secrets are kept as their hashes.
CREATE TABLE dashboard_session (
	bank          TEXT   NOT NULL,
	session_key   BYTEA  NOT NULL,
	entry         BYTEA  NOT NULL,
	authorisation TEXT   NOT NULL,
	psu           TEXT   NOT NULL,
	began_at      BIGINT NOT NULL,
	seen_at       BIGINT NOT NULL,
	PRIMARY KEY (bank, session_key)
);
CREATE INDEX dashboard_session_began ON dashboard_session (began_at);
