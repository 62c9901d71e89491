-- +goose Up
-- One row for each PSU and TPP, whose only use is that it can be locked: consents that are
-- authorised at the same moment must see each other, or none would replace the other.
CREATE TABLE consent_turn (
	bank TEXT   NOT NULL,
	psu  TEXT   NOT NULL,
	tpp  TEXT   NOT NULL,
	turn BIGINT NOT NULL,
	PRIMARY KEY (bank, psu, tpp)
);
