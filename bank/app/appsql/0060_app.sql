-- +goose Up
-- bank is empty where an app is known to all banks of the hub.
CREATE TABLE app (
	bank          TEXT NOT NULL,
	client_id     TEXT NOT NULL,
	secret        BYTEA,
	tpp           TEXT NOT NULL,
	name          TEXT NOT NULL,
	redirect_uris TEXT NOT NULL,
	thumbprint    BYTEA,
	PRIMARY KEY (bank, client_id)
);
CREATE INDEX app_tpp ON app (bank, tpp);
