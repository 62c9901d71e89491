-- +goose Up
ALTER TABLE authorisation ADD COLUMN exemption TEXT NOT NULL DEFAULT ''; -- article by which the bank wanted no SCA; empty: none, or not told

-- +goose Down
ALTER TABLE authorisation DROP COLUMN exemption;
