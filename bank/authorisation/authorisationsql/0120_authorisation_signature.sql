-- +goose Up
-- Signatures of several PSUs.
ALTER TABLE authorisation ADD COLUMN signs TEXT NOT NULL DEFAULT ''; -- session of the first signature, to which this one adds
ALTER TABLE authorisation ADD COLUMN awaits_until BIGINT NOT NULL DEFAULT 0; -- of the first: another is waited for; 0: none
CREATE INDEX authorisation_awaits ON authorisation (awaits_until) WHERE awaits_until > 0;

-- +goose Down
DROP INDEX authorisation_awaits;
ALTER TABLE authorisation DROP COLUMN awaits_until;
ALTER TABLE authorisation DROP COLUMN signs;
