-- +goose Up
-- A basket is a journey; its members are journeys that it leads. A member never has a page.
ALTER TABLE corebank_journey ADD COLUMN basket TEXT    NOT NULL DEFAULT ''; -- journey that leads this one; empty: none
ALTER TABLE corebank_journey ADD COLUMN place  INTEGER NOT NULL DEFAULT 0;  -- within the basket, from 0
CREATE INDEX corebank_journey_basket ON corebank_journey (bank, basket, place) WHERE basket <> '';
-- State approved: its basket was approved, and the member waits to be done.
CREATE INDEX corebank_journey_approved ON corebank_journey (bank, basket, place) WHERE state = 'approved';

-- +goose Down
DROP INDEX corebank_journey_approved;
DROP INDEX corebank_journey_basket;
ALTER TABLE corebank_journey DROP COLUMN place;
ALTER TABLE corebank_journey DROP COLUMN basket;
