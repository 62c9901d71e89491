-- +goose Up
-- What has to be remembered between reads of accounts: by which entry the next report of what
-- is new knows where the last one ended, and how old a bank's own copy is.
CREATE TABLE account_mark (
	bank    TEXT NOT NULL,
	consent TEXT NOT NULL,
	account TEXT NOT NULL, -- resourceId
	mark    TEXT NOT NULL, -- digest of an entry's ID
	PRIMARY KEY (bank, consent, account)
);

CREATE TABLE account_copy (
	bank     TEXT   NOT NULL,
	consent  TEXT   NOT NULL,
	session  TEXT, -- of the refresh that is under way
	asked_at BIGINT NOT NULL,
	fresh_at BIGINT NOT NULL,
	PRIMARY KEY (bank, consent)
);
CREATE UNIQUE INDEX account_copy_session ON account_copy (bank, session) WHERE session IS NOT NULL;

-- +goose Down
DROP TABLE account_copy;
DROP TABLE account_mark;
