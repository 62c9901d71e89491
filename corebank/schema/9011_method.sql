-- +goose Up
-- The ways in which customers authenticate strongly. Keys of devices are computed from the
-- bank's secret and kept nowhere.
CREATE TABLE corebank_method (
	bank       TEXT    NOT NULL,
	customer   TEXT    NOT NULL,
	id         TEXT    NOT NULL,
	kind       TEXT    NOT NULL, -- SMS_OTP, TOTP, PHOTO_OTP, CHIP_OTP, PUSH_OTP, PASSKEY
	name       TEXT    NOT NULL, -- given by the customer; empty: as its kind is called
	position   INTEGER NOT NULL, -- the first is offered first
	step       BIGINT  NOT NULL, -- the last that was used of codes that come by the clock
	credential TEXT    NOT NULL, -- public key of a passkey, JSON
	created_at BIGINT  NOT NULL,
	PRIMARY KEY (bank, customer, id)
);
-- Until now, everybody got codes by text message.
INSERT INTO corebank_method (bank, customer, id, kind, name, position, step, credential, created_at)
	SELECT bank, id, 'sms', 'SMS_OTP', '', 0, 0, '', 0 FROM corebank_customer WHERE phone <> '';

ALTER TABLE corebank_code ADD COLUMN method TEXT NOT NULL DEFAULT 'sms'; -- that has to answer
ALTER TABLE corebank_code ADD COLUMN nonce  TEXT NOT NULL DEFAULT '';    -- of the challenge

ALTER TABLE corebank_customer ADD COLUMN sca_wrong        INTEGER NOT NULL DEFAULT 0; -- wrong answers in a row, over all methods
ALTER TABLE corebank_customer ADD COLUMN sca_locked_until BIGINT  NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE corebank_customer DROP COLUMN sca_locked_until;
ALTER TABLE corebank_customer DROP COLUMN sca_wrong;
ALTER TABLE corebank_code DROP COLUMN nonce;
ALTER TABLE corebank_code DROP COLUMN method;
DROP TABLE corebank_method;
