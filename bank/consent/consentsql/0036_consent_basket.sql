-- +goose Up
-- The signing basket in which the consent is authorised; '' where it is alone.
ALTER TABLE consent ADD COLUMN basket TEXT NOT NULL DEFAULT '';
