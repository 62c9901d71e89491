-- +goose Up
-- What the PSU was told the TPP is called, where it has a brand.
ALTER TABLE consent ADD COLUMN brand TEXT NOT NULL DEFAULT '';
-- A PSU sees what she has given, the newest first.
CREATE INDEX consent_given ON consent (bank, psu, created_at, id) WHERE psu <> '';
