-- +goose Up
-- The last day on which the payment, or one of its series, may still be made; '' where it is
-- made at once. Of what is there already nobody has noted it: the far end of the calendar
-- stands for it, and the rules look closer.
ALTER TABLE payment ADD COLUMN due TEXT NOT NULL DEFAULT '';
UPDATE payment SET due = '9999-12-31'
	WHERE service = 'periodic-payments' OR payment_order LIKE '%"executionDate":%' OR payment_order LIKE '%"executionTime":%';
-- A PSU sees the payments that are still to come, the newest first.
CREATE INDEX payment_given ON payment (bank, psu, created_at, id) WHERE psu <> '' AND due <> '';
