-- +goose Up
-- What a PIISP told of its card: a number of a card does not stand in a database as it is.
ALTER TABLE consent ADD COLUMN card BYTEA;
