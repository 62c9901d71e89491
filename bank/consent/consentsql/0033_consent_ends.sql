-- +goose Up
-- The moment at which time alone ends the consent; nothing where it has ended.
ALTER TABLE consent ADD COLUMN ends_at BIGINT;
UPDATE consent SET ends_at = CASE WHEN status = 'received' AND authorise_by < expires_at THEN authorise_by
	WHEN status = 'valid' AND one_off_end > 0 AND one_off_end < expires_at THEN one_off_end ELSE expires_at END
	WHERE status IN ('received', 'valid');
CREATE INDEX consent_ends ON consent (bank, ends_at) WHERE ends_at IS NOT NULL;
