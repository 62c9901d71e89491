-- +goose Up
ALTER TABLE corebank_payment ADD COLUMN service          TEXT    NOT NULL DEFAULT 'payments'; -- payments, bulk-payments, periodic-payments
ALTER TABLE corebank_payment ADD COLUMN words            TEXT    NOT NULL DEFAULT '';         -- what only some payments have, JSON
ALTER TABLE corebank_payment ADD COLUMN plan             TEXT    NOT NULL DEFAULT '';         -- of a periodic payment, JSON
ALTER TABLE corebank_payment ADD COLUMN due              TEXT    NOT NULL DEFAULT '';         -- of its next instalment, before the calendar moves it
ALTER TABLE corebank_payment ADD COLUMN items            INTEGER NOT NULL DEFAULT 0;          -- of a bulk: how many can be executed
ALTER TABLE corebank_payment ADD COLUMN refused_items    INTEGER NOT NULL DEFAULT 0;          -- and how many cannot
ALTER TABLE corebank_payment ADD COLUMN batch            INTEGER NOT NULL DEFAULT 0;          -- 1: one entry for the whole bulk; 2: it is in the books
ALTER TABLE corebank_payment ADD COLUMN status           TEXT    NOT NULL DEFAULT '';         -- ISO 20022, as the hub was told last
ALTER TABLE corebank_payment ADD COLUMN reason           TEXT    NOT NULL DEFAULT '';         -- ISO 20022, where it came to nothing
ALTER TABLE corebank_payment ADD COLUMN cancelling       TEXT    NOT NULL DEFAULT '';         -- journey on which it is being cancelled
ALTER TABLE corebank_payment ADD COLUMN cancelling_until BIGINT  NOT NULL DEFAULT 0;          -- nothing is executed before
UPDATE corebank_payment SET status = CASE state WHEN 'booked' THEN 'ACSC' WHEN 'scheduled' THEN 'ACTC' WHEN 'refused' THEN 'RJCT' ELSE 'RCVD' END;

-- The payments of a bulk.
CREATE TABLE corebank_payment_item (
	bank          TEXT    NOT NULL,
	payment       TEXT    NOT NULL,
	n             INTEGER NOT NULL, -- from 0, as they were sent
	state         TEXT    NOT NULL, -- received, refused, booked, returned
	amount        BIGINT  NOT NULL,
	currency      TEXT    NOT NULL,
	creditor_name TEXT    NOT NULL,
	creditor_iban TEXT    NOT NULL,
	end_to_end    TEXT    NOT NULL,
	remittance    TEXT    NOT NULL,
	words         TEXT    NOT NULL,
	reason        TEXT    NOT NULL, -- ISO 20022, of one refused or returned
	PRIMARY KEY (bank, payment, n)
);

-- What became of the instalments of a periodic payment.
CREATE TABLE corebank_instalment (
	bank        TEXT   NOT NULL,
	payment     TEXT   NOT NULL,
	due         TEXT   NOT NULL,
	state       TEXT   NOT NULL, -- booked, skipped
	executed_on TEXT   NOT NULL,
	reason      TEXT   NOT NULL, -- ISO 20022, of one skipped
	PRIMARY KEY (bank, payment, due)
);

-- +goose Down
DROP TABLE corebank_instalment;
DROP TABLE corebank_payment_item;
ALTER TABLE corebank_payment DROP COLUMN cancelling_until;
ALTER TABLE corebank_payment DROP COLUMN cancelling;
ALTER TABLE corebank_payment DROP COLUMN reason;
ALTER TABLE corebank_payment DROP COLUMN status;
ALTER TABLE corebank_payment DROP COLUMN batch;
ALTER TABLE corebank_payment DROP COLUMN refused_items;
ALTER TABLE corebank_payment DROP COLUMN items;
ALTER TABLE corebank_payment DROP COLUMN due;
ALTER TABLE corebank_payment DROP COLUMN plan;
ALTER TABLE corebank_payment DROP COLUMN words;
ALTER TABLE corebank_payment DROP COLUMN service;
