-- +goose Up
-- The pushed request that a grant came from; it goes when the grant is approved.
ALTER TABLE oauth_grant ADD COLUMN pushed BYTEA;
