-- +goose Up
-- What a bank that answers from a copy shows: its accounts as they stood when the copy was
-- made. Entries and holds need none, for they are not changed: those that are newer are left out.
CREATE TABLE corebank_copy (
	bank         TEXT    NOT NULL,
	id           TEXT    NOT NULL,
	kind         TEXT    NOT NULL,
	currency     TEXT    NOT NULL,
	credit_limit BIGINT  NOT NULL,
	booked       BIGINT  NOT NULL,
	held         BIGINT  NOT NULL,
	last_seq     BIGINT  NOT NULL,
	day          TEXT    NOT NULL,
	day_opening  BIGINT  NOT NULL,
	made_at      BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);

-- +goose Down
DROP TABLE corebank_copy;
