-- +goose Up
ALTER TABLE consent ADD COLUMN request_id TEXT;
ALTER TABLE consent ADD COLUMN digest BYTEA;
-- A request that is made again is the same request: this is what makes it so.
CREATE UNIQUE INDEX consent_request ON consent (bank, tpp, request_id) WHERE request_id IS NOT NULL;
