-- +goose Up
-- Accounts whose holders sign together, as those of companies.
ALTER TABLE corebank_account ADD COLUMN signatures INTEGER NOT NULL DEFAULT 1; -- how many of its holders have to sign

ALTER TABLE corebank_journey ADD COLUMN signs TEXT NOT NULL DEFAULT ''; -- journey to which this one adds a signature
CREATE INDEX corebank_journey_signs ON corebank_journey (bank, signs) WHERE signs <> '';

-- Who has signed what a journey asks for: each customer once.
CREATE TABLE corebank_signature (
	bank      TEXT   NOT NULL,
	journey   TEXT   NOT NULL, -- the first one
	customer  TEXT   NOT NULL,
	signed_at BIGINT NOT NULL,
	PRIMARY KEY (bank, journey, customer)
);

-- +goose Down
DROP TABLE corebank_signature;
DROP INDEX corebank_journey_signs;
ALTER TABLE corebank_journey DROP COLUMN signs;
ALTER TABLE corebank_account DROP COLUMN signatures;
