-- +goose Up
-- Whom a customer allowed at the bank itself to ask whether funds are there (PSD2 art. 65).
CREATE TABLE corebank_funds_allowed (
	bank     TEXT   NOT NULL,
	tpp      TEXT   NOT NULL, -- organisation identifier of its certificate
	account  TEXT   NOT NULL,
	customer TEXT   NOT NULL, -- who allowed it: each holder of an account for herself
	name     TEXT   NOT NULL, -- as she wrote it
	since    BIGINT NOT NULL,
	PRIMARY KEY (bank, tpp, account, customer)
);
CREATE INDEX corebank_funds_allowed_customer ON corebank_funds_allowed (bank, customer);

-- +goose Down
DROP TABLE corebank_funds_allowed;
