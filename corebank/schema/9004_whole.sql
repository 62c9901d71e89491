-- +goose Up
-- The balance of the account once an entry was booked: a page of an account report tells it
-- for each entry, wherever the page lies in the history.
ALTER TABLE corebank_ledger_entry ADD COLUMN balance BIGINT NOT NULL DEFAULT 0;
UPDATE corebank_ledger_entry SET balance = told.balance
FROM (SELECT bank, account, seq, SUM(amount) OVER (PARTITION BY bank, account ORDER BY seq) AS balance FROM corebank_ledger_entry) AS told
WHERE told.bank = corebank_ledger_entry.bank AND told.account = corebank_ledger_entry.account AND told.seq = corebank_ledger_entry.seq;

ALTER TABLE corebank_account ADD COLUMN display_name TEXT NOT NULL DEFAULT '';     -- given by the customer
ALTER TABLE corebank_account ADD COLUMN usage        TEXT NOT NULL DEFAULT 'PRIV'; -- PRIV, ORGA
ALTER TABLE corebank_account ADD COLUMN details      TEXT NOT NULL DEFAULT '';     -- what the bank wants to say
ALTER TABLE corebank_account ADD COLUMN linked       TEXT NOT NULL DEFAULT '';     -- the card that is settled from it, masked
ALTER TABLE corebank_account ADD COLUMN owners       TEXT NOT NULL DEFAULT '';     -- names, one a line; empty: the customer alone

ALTER TABLE corebank_beneficiary ADD COLUMN alias   TEXT NOT NULL DEFAULT '';
ALTER TABLE corebank_beneficiary ADD COLUMN agent   TEXT NOT NULL DEFAULT ''; -- BIC
ALTER TABLE corebank_beneficiary ADD COLUMN account TEXT NOT NULL DEFAULT ''; -- id of the only account it holds for; empty: all

CREATE TABLE corebank_standing_order (
	bank       TEXT    NOT NULL,
	account    TEXT    NOT NULL, -- that is debited
	id         TEXT    NOT NULL,
	amount     BIGINT  NOT NULL, -- negative
	currency   TEXT    NOT NULL,
	details    TEXT    NOT NULL, -- packed as those of an entry
	start_date TEXT    NOT NULL,
	end_date   TEXT    NOT NULL, -- or empty
	frequency  TEXT    NOT NULL, -- Weekly, Monthly, MonthlyVariable
	rule       TEXT    NOT NULL, -- following, preceding or empty
	months     TEXT    NOT NULL, -- 3,6,9,12 where the frequency is MonthlyVariable
	day        INTEGER NOT NULL, -- of the month; 0: not told
	PRIMARY KEY (bank, account, id)
);

-- What the third party asked: a customer may change the choice within it.
ALTER TABLE corebank_access ADD COLUMN asked TEXT NOT NULL DEFAULT ''; -- JSON; empty: no more than was granted

-- +goose Down
ALTER TABLE corebank_access DROP COLUMN asked;
DROP TABLE corebank_standing_order;
ALTER TABLE corebank_beneficiary DROP COLUMN account;
ALTER TABLE corebank_beneficiary DROP COLUMN agent;
ALTER TABLE corebank_beneficiary DROP COLUMN alias;
ALTER TABLE corebank_account DROP COLUMN owners;
ALTER TABLE corebank_account DROP COLUMN linked;
ALTER TABLE corebank_account DROP COLUMN details;
ALTER TABLE corebank_account DROP COLUMN usage;
ALTER TABLE corebank_account DROP COLUMN display_name;
ALTER TABLE corebank_ledger_entry DROP COLUMN balance;
