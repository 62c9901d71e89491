-- +goose Up
-- What a customer has to be asked on her phone. There are never many, and they are looked for
-- every second.
CREATE INDEX corebank_journey_phone ON corebank_journey (bank, expires_at) WHERE approach = 'decoupled' AND state = 'open';

-- +goose Down
DROP INDEX corebank_journey_phone;
