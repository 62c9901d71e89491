-- +goose Up
-- Whether the bank has told the end of each payment of a bulk.
ALTER TABLE payment ADD COLUMN items_ended INTEGER NOT NULL DEFAULT 0;

-- How the bank says the payments of a bulk stand: as large as the bulk, and seldom read.
CREATE TABLE payment_items (
	bank   TEXT NOT NULL,
	id     TEXT NOT NULL,
	told   TEXT NOT NULL,
	others TEXT NOT NULL,
	PRIMARY KEY (bank, id)
);
