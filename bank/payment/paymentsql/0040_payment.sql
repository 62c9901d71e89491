-- +goose Up
CREATE TABLE payment (
	bank            TEXT    NOT NULL,
	id              TEXT    NOT NULL,
	tpp             TEXT    NOT NULL,
	tpp_name        TEXT    NOT NULL,
	psu             TEXT    NOT NULL,
	service         TEXT    NOT NULL,
	product         TEXT    NOT NULL,
	payment_order   TEXT    NOT NULL,
	debtor_account  TEXT    NOT NULL,
	status          TEXT    NOT NULL,
	funds_available INTEGER,
	request_id      TEXT,
	digest          BYTEA   NOT NULL,
	created_at      BIGINT  NOT NULL,
	authorise_by    BIGINT  NOT NULL,
	version         BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
-- A request that is made again is the same request: this is what makes it so.
CREATE UNIQUE INDEX payment_request ON payment (bank, tpp, request_id);
