-- +goose Up
CREATE TABLE consent (
	bank              TEXT    NOT NULL,
	id                TEXT    NOT NULL,
	tpp               TEXT    NOT NULL,
	tpp_name          TEXT    NOT NULL,
	psu               TEXT    NOT NULL,
	model             TEXT    NOT NULL,
	access            TEXT    NOT NULL,
	recurring         INTEGER NOT NULL,
	valid_until       TEXT    NOT NULL,
	expires_at        BIGINT  NOT NULL,
	frequency_per_day INTEGER NOT NULL,
	status            TEXT    NOT NULL,
	last_action_date  TEXT    NOT NULL,
	created_at        BIGINT  NOT NULL,
	authorise_by      BIGINT  NOT NULL,
	authorised_at     BIGINT  NOT NULL,
	one_off_end       BIGINT  NOT NULL,
	session           TEXT    NOT NULL,
	token             BYTEA,
	token_hash        BYTEA,
	grant_json        TEXT    NOT NULL,
	accounts          TEXT    NOT NULL,
	funds_account     TEXT,
	told              INTEGER NOT NULL,
	version           BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE INDEX consent_token ON consent (bank, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX consent_psu ON consent (bank, psu, tpp) WHERE psu <> '';
CREATE INDEX consent_funds ON consent (bank, tpp, funds_account) WHERE funds_account IS NOT NULL;
CREATE INDEX consent_untold ON consent (told) WHERE told = 0;

-- How often a consent was used unattended. It is not a column of consent: reads would queue
-- up behind one row.
CREATE TABLE consent_usage (
	bank    TEXT    NOT NULL,
	consent TEXT    NOT NULL,
	day     TEXT    NOT NULL,
	key     TEXT    NOT NULL,
	used    INTEGER NOT NULL,
	PRIMARY KEY (bank, consent, day, key)
);
