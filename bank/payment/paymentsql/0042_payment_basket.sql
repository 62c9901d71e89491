-- +goose Up
-- The signing basket in which the payment is authorised; '' where it is alone.
ALTER TABLE payment ADD COLUMN basket TEXT NOT NULL DEFAULT '';
