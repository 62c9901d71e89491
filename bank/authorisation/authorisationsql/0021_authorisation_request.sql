-- +goose Up
ALTER TABLE authorisation ADD COLUMN request_id TEXT;
ALTER TABLE authorisation ADD COLUMN digest BYTEA;
-- A request that is made again is the same request: this is what makes it so.
CREATE UNIQUE INDEX authorisation_request ON authorisation (bank, tpp, request_id) WHERE request_id IS NOT NULL;
