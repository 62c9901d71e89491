-- +goose Up
-- Accesses at banks that SCA anew has replaced, until the bank has ended them.
CREATE TABLE consent_superseded (
	bank    TEXT NOT NULL,
	session TEXT NOT NULL,
	consent TEXT NOT NULL,
	tpp     TEXT NOT NULL,
	token   BYTEA,
	PRIMARY KEY (bank, session)
);
