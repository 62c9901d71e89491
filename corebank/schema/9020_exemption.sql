-- +goose Up
-- What went without strong authentication, where that is limited by day.
CREATE TABLE corebank_exemption (
	bank     TEXT    NOT NULL,
	customer TEXT    NOT NULL,
	ground   TEXT    NOT NULL, -- article of the RTS: RTS-10, RTS-18
	day      TEXT    NOT NULL,
	count    INTEGER NOT NULL,
	minor    BIGINT  NOT NULL, -- sum of the payments, EUR
	PRIMARY KEY (bank, customer, ground, day)
);
ALTER TABLE corebank_customer ADD COLUMN sca_at BIGINT NOT NULL DEFAULT 0; -- when she last authenticated strongly

-- +goose Down
ALTER TABLE corebank_customer DROP COLUMN sca_at;
DROP TABLE corebank_exemption;
