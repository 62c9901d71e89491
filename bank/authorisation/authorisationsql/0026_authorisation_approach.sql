-- +goose Up
ALTER TABLE authorisation ADD COLUMN approach TEXT NOT NULL DEFAULT 'redirect';
-- What the bank says of the PSU's methods, as JSON; NULL where it says nothing.
ALTER TABLE authorisation ADD COLUMN methods TEXT;
ALTER TABLE authorisation ADD COLUMN chosen TEXT;
ALTER TABLE authorisation ADD COLUMN challenge TEXT;
