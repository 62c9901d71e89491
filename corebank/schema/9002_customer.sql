-- +goose Up
CREATE TABLE corebank_customer (
	bank          TEXT    NOT NULL,
	id            TEXT    NOT NULL,
	login         TEXT    NOT NULL,
	name          TEXT    NOT NULL,
	phone         TEXT    NOT NULL,
	language      TEXT    NOT NULL,
	password      TEXT    NOT NULL, -- argon2id with its parameters
	wrong         INTEGER NOT NULL, -- wrong passwords in a row
	locked_until  BIGINT  NOT NULL,
	exempt_count  INTEGER NOT NULL, -- payments without SCA since the last SCA
	exempt_minor  BIGINT  NOT NULL, -- and their sum, EUR
	PRIMARY KEY (bank, id)
);
CREATE UNIQUE INDEX corebank_customer_login ON corebank_customer (bank, login);

-- What the ledger does not need to know about an account. The id is the ledger's.
CREATE TABLE corebank_account (
	bank     TEXT    NOT NULL,
	customer TEXT    NOT NULL,
	id       TEXT    NOT NULL,
	position INTEGER NOT NULL,
	iban     TEXT    NOT NULL, -- empty for a card
	currency TEXT    NOT NULL,
	type     TEXT    NOT NULL, -- CACC, SVGS; CARD for a card
	product  TEXT    NOT NULL,
	pan      TEXT    NOT NULL, -- masked
	PRIMARY KEY (bank, customer, id)
);
CREATE INDEX corebank_account_iban ON corebank_account (bank, iban);

CREATE TABLE corebank_beneficiary (
	bank     TEXT NOT NULL,
	customer TEXT NOT NULL,
	iban     TEXT NOT NULL,
	name     TEXT NOT NULL,
	PRIMARY KEY (bank, customer, iban)
);

-- +goose Down
DROP TABLE corebank_beneficiary;
DROP TABLE corebank_account;
DROP TABLE corebank_customer;
