-- +goose Up
-- Balances are kept beside the entries that explain them; ledger.Check proves that both agree.
CREATE TABLE corebank_ledger_account (
	bank         TEXT    NOT NULL,
	id           TEXT    NOT NULL,
	kind         TEXT    NOT NULL, -- customer, card, clearing, income
	currency     TEXT    NOT NULL,
	credit_limit BIGINT  NOT NULL, -- how far below zero it may go; -1: the bank's own account, no limit
	booked       BIGINT  NOT NULL, -- minor units
	held         BIGINT  NOT NULL, -- sum of the holds
	last_seq     BIGINT  NOT NULL, -- number of the newest entry
	day          TEXT    NOT NULL, -- booking date of the newest entry
	day_opening  BIGINT  NOT NULL, -- booked before the first entry of that day
	PRIMARY KEY (bank, id)
);

CREATE TABLE corebank_ledger_posting (
	bank TEXT   NOT NULL,
	id   TEXT   NOT NULL, -- a second posting with the same id is refused
	at   BIGINT NOT NULL,
	PRIMARY KEY (bank, id)
);

-- The key is the order in which an account report is read, backwards.
CREATE TABLE corebank_ledger_entry (
	bank         TEXT   NOT NULL,
	account      TEXT   NOT NULL,
	booking_date TEXT   NOT NULL,
	seq          BIGINT NOT NULL,
	posting      TEXT   NOT NULL,
	amount       BIGINT NOT NULL,
	currency     TEXT   NOT NULL,
	value_date   TEXT   NOT NULL,
	details      TEXT   NOT NULL, -- six texts in one column: a page of entries is read often
	PRIMARY KEY (bank, account, booking_date, seq)
);

CREATE TABLE corebank_ledger_hold (
	bank       TEXT   NOT NULL,
	account    TEXT   NOT NULL,
	id         TEXT   NOT NULL,
	at         BIGINT NOT NULL,
	amount     BIGINT NOT NULL, -- positive: so much is not available
	currency   TEXT   NOT NULL,
	value_date TEXT   NOT NULL,
	details    TEXT   NOT NULL,
	PRIMARY KEY (bank, account, id)
);

-- +goose Down
DROP TABLE corebank_ledger_hold;
DROP TABLE corebank_ledger_entry;
DROP TABLE corebank_ledger_posting;
DROP TABLE corebank_ledger_account;
