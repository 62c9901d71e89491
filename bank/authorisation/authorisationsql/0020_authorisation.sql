-- +goose Up
CREATE TABLE authorisation (
	bank             TEXT    NOT NULL,
	id               TEXT    NOT NULL,
	kind             TEXT    NOT NULL,
	subject          TEXT    NOT NULL,
	tpp              TEXT    NOT NULL,
	status           TEXT    NOT NULL,
	oauth            INTEGER NOT NULL,
	session          TEXT    NOT NULL,
	bank_url         TEXT    NOT NULL,
	return_key       TEXT    NOT NULL,
	redirect_uri     TEXT    NOT NULL,
	nok_redirect_uri TEXT    NOT NULL,
	oauth_session    TEXT,
	psu              TEXT    NOT NULL,
	psu_message      TEXT    NOT NULL,
	created_at       BIGINT  NOT NULL,
	expires_at       BIGINT  NOT NULL,
	finalised_at     BIGINT  NOT NULL,
	success_token    BYTEA,
	version          BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE UNIQUE INDEX authorisation_session ON authorisation (bank, session);
CREATE UNIQUE INDEX authorisation_return_key ON authorisation (bank, return_key);
CREATE UNIQUE INDEX authorisation_oauth_session ON authorisation (bank, oauth_session) WHERE oauth_session IS NOT NULL;
CREATE INDEX authorisation_subject ON authorisation (bank, subject);
CREATE INDEX authorisation_overdue ON authorisation (expires_at)
	WHERE status IN ('received', 'psuIdentified', 'psuAuthenticated', 'scaMethodSelected', 'started');
