-- +goose Up
-- What was answered to questions about funds, so that a request that is made again gets the
-- same answer. Neither account nor amount can be read from it.
CREATE TABLE funds_answer (
	bank       TEXT    NOT NULL,
	tpp        TEXT    NOT NULL,
	request_id TEXT    NOT NULL,
	consent    TEXT    NOT NULL,
	digest     BYTEA   NOT NULL,
	available  INTEGER NOT NULL,
	given_at   BIGINT  NOT NULL,
	PRIMARY KEY (bank, tpp, request_id)
);
CREATE INDEX funds_answer_given ON funds_answer (given_at);
