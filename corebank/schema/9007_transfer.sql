-- +goose Up
-- Transfers on their way to other banks that are reached without detours.
CREATE TABLE corebank_transfer (
	bank       TEXT    NOT NULL,
	id         TEXT    NOT NULL, -- of the posting that debits the payer
	body       TEXT    NOT NULL, -- JSON
	state      TEXT    NOT NULL, -- waiting, settled, returned
	reason     TEXT    NOT NULL, -- ISO 20022, of one returned
	tries      INTEGER NOT NULL,
	due_at     BIGINT  NOT NULL,
	created_at BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE INDEX corebank_transfer_due ON corebank_transfer (bank, state, due_at);

-- What this bank answered to transfers of others, so that it answers the same again.
CREATE TABLE corebank_received (
	bank   TEXT   NOT NULL,
	peer   TEXT   NOT NULL, -- the bank it came from
	id     TEXT   NOT NULL, -- the one that bank gave it
	reason TEXT   NOT NULL, -- empty: it was credited
	at     BIGINT NOT NULL,
	PRIMARY KEY (bank, peer, id)
);

-- +goose Down
DROP TABLE corebank_received;
DROP TABLE corebank_transfer;
