-- +goose Up
CREATE TABLE basket (
	bank           TEXT    NOT NULL,
	id             TEXT    NOT NULL,
	tpp            TEXT    NOT NULL,
	tpp_name       TEXT    NOT NULL,
	psu            TEXT    NOT NULL,
	payments       TEXT    NOT NULL,
	consents       TEXT    NOT NULL,
	status         TEXT    NOT NULL,
	unconfirmed    INTEGER NOT NULL,
	request_id     TEXT,
	digest         BYTEA   NOT NULL,
	delete_request TEXT    NOT NULL,
	hand           TEXT    NOT NULL,
	handed_at      BIGINT  NOT NULL,
	session        TEXT    NOT NULL,
	created_at     BIGINT  NOT NULL,
	authorise_by   BIGINT  NOT NULL,
	authorised_at  BIGINT  NOT NULL,
	look_at        BIGINT  NOT NULL,
	version        BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
-- A request that is made again is the same request: this is what makes it so.
CREATE UNIQUE INDEX basket_request ON basket (bank, tpp, request_id);
-- Those whose fate is unknown, and those to be looked at, are few, and looked for all the time.
CREATE INDEX basket_hand ON basket (bank, handed_at) WHERE hand = 'sending';
CREATE INDEX basket_look ON basket (bank, look_at) WHERE look_at > 0;
