-- +goose Up
ALTER TABLE authorisation ADD COLUMN confirm INTEGER NOT NULL DEFAULT 0;
-- SHA-256 of the code that the PSU's browser is given; the code itself is kept nowhere.
ALTER TABLE authorisation ADD COLUMN code_hash BYTEA;
ALTER TABLE authorisation ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
DROP INDEX authorisation_overdue;
CREATE INDEX authorisation_overdue ON authorisation (expires_at)
	WHERE status IN ('received', 'psuIdentified', 'psuAuthenticated', 'scaMethodSelected', 'started', 'unconfirmed');
