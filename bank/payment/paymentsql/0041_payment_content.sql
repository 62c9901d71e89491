-- +goose Up
-- How far the payment is on its way to the bank, and under which of the bank's sessions.
ALTER TABLE payment ADD COLUMN hand TEXT NOT NULL DEFAULT 'taken';
ALTER TABLE payment ADD COLUMN handed_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN session TEXT NOT NULL DEFAULT '';
-- The hub ended it by itself; what the bank says of it weighs more.
ALTER TABLE payment ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN cancel_request TEXT NOT NULL DEFAULT '';
-- Whether there is a row in payment_content.
ALTER TABLE payment ADD COLUMN content INTEGER NOT NULL DEFAULT 0;
-- Those whose fate is unknown are few, and looked for all the time.
CREATE INDEX payment_hand ON payment (bank, hand, handed_at) WHERE hand = 'sending';

-- What is large and never changes stays out of the row that does.
CREATE TABLE payment_content (
	bank     TEXT  NOT NULL,
	id       TEXT  NOT NULL,
	entries  TEXT  NOT NULL,
	media    TEXT  NOT NULL,
	document BYTEA NOT NULL,
	PRIMARY KEY (bank, id)
);
