-- +goose Up
-- When a standing order is executed next. What was ordered before this column was there is
-- planned when the bank starts.
ALTER TABLE corebank_standing_order ADD COLUMN due        TEXT NOT NULL DEFAULT 'unplanned'; -- before the calendar moves it; empty: it is over
ALTER TABLE corebank_standing_order ADD COLUMN execute_on TEXT NOT NULL DEFAULT '';
CREATE INDEX corebank_standing_order_due ON corebank_standing_order (bank, execute_on);

-- +goose Down
DROP INDEX corebank_standing_order_due;
ALTER TABLE corebank_standing_order DROP COLUMN execute_on;
ALTER TABLE corebank_standing_order DROP COLUMN due;
