-- +goose Up
-- How the customer authenticates where it is not on the bank's pages.
ALTER TABLE corebank_journey ADD COLUMN approach TEXT NOT NULL DEFAULT ''; -- embedded, decoupled; empty or redirect: on the pages
ALTER TABLE corebank_journey ADD COLUMN login TEXT NOT NULL DEFAULT ''; -- as she named herself to the third party; not proven
ALTER TABLE corebank_journey ADD COLUMN proven INTEGER NOT NULL DEFAULT 0; -- 1: by her password; customer is her
ALTER TABLE corebank_journey ADD COLUMN wrong INTEGER NOT NULL DEFAULT 0; -- passwords that were tried by steps

-- +goose Down
ALTER TABLE corebank_journey DROP COLUMN wrong;
ALTER TABLE corebank_journey DROP COLUMN proven;
ALTER TABLE corebank_journey DROP COLUMN login;
ALTER TABLE corebank_journey DROP COLUMN approach;
