-- +goose Up
-- A passkey is one customer's: none is registered twice. The step of one is how often it has
-- signed.
ALTER TABLE corebank_method ADD COLUMN credential_id TEXT NOT NULL DEFAULT ''; -- of a passkey
CREATE UNIQUE INDEX corebank_method_credential ON corebank_method (bank, credential_id) WHERE credential_id <> '';

-- +goose Down
DROP INDEX corebank_method_credential;
ALTER TABLE corebank_method DROP COLUMN credential_id;
