-- +goose Up
-- One row for each session the hub starts: an access, a payment, a log-in.
CREATE TABLE corebank_journey (
	bank           TEXT    NOT NULL,
	id             TEXT    NOT NULL, -- in the address of the page; unguessable
	session_secret TEXT    NOT NULL, -- the hub's; a second start with it changes nothing
	kind           TEXT    NOT NULL, -- access, funds, payment, login
	state          TEXT    NOT NULL, -- open, code, done, refused, failed
	app_name       TEXT    NOT NULL,
	redirect_url   TEXT    NOT NULL,
	request        TEXT    NOT NULL, -- what was asked, JSON
	customer       TEXT    NOT NULL, -- who approves; empty until known
	bound          INTEGER NOT NULL, -- 1: no other customer may approve
	choice         TEXT    NOT NULL, -- accounts chosen, comma-separated
	created_at     BIGINT  NOT NULL,
	expires_at     BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE UNIQUE INDEX corebank_journey_session ON corebank_journey (bank, session_secret);

CREATE TABLE corebank_code (
	bank       TEXT    NOT NULL,
	journey    TEXT    NOT NULL,
	digest     BYTEA   NOT NULL, -- HMAC over the code and everything it approves
	tries      INTEGER NOT NULL, -- over all codes of the journey
	sent       INTEGER NOT NULL,
	expires_at BIGINT  NOT NULL,
	used       INTEGER NOT NULL,
	PRIMARY KEY (bank, journey)
);

CREATE TABLE corebank_payment (
	bank          TEXT   NOT NULL,
	id            TEXT   NOT NULL, -- the journey's
	state         TEXT   NOT NULL, -- received, scheduled, booked, refused
	product       TEXT   NOT NULL,
	amount        BIGINT NOT NULL,
	currency      TEXT   NOT NULL,
	creditor_name TEXT   NOT NULL,
	creditor_iban TEXT   NOT NULL,
	debtor        TEXT   NOT NULL, -- account id; empty until the PSU chose
	named_debtor  INTEGER NOT NULL, -- 1: the TPP named it
	end_to_end    TEXT   NOT NULL,
	remittance    TEXT   NOT NULL,
	execute_on    TEXT   NOT NULL, -- empty: at once
	PRIMARY KEY (bank, id)
);
CREATE INDEX corebank_payment_due ON corebank_payment (bank, state, execute_on);

-- What a customer gave a third party. The token is computed from id and a key, not kept.
CREATE TABLE corebank_access (
	bank        TEXT   NOT NULL,
	id          TEXT   NOT NULL,
	service     TEXT   NOT NULL, -- ais, piis
	customer    TEXT   NOT NULL,
	state       TEXT   NOT NULL, -- active, revoked
	app_name    TEXT   NOT NULL,
	granted     TEXT   NOT NULL, -- JSON
	valid_until TEXT   NOT NULL, -- last day, or empty
	created_at  BIGINT NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE INDEX corebank_access_customer ON corebank_access (bank, customer, created_at);

-- Reports to the hub that have not arrived yet, in order within a stream.
CREATE TABLE corebank_callback (
	bank       TEXT    NOT NULL,
	stream     TEXT    NOT NULL, -- session secret, or the access that was withdrawn
	step       BIGINT  NOT NULL,
	verb       TEXT    NOT NULL, -- update, success, fail, revoke, revoke_funds
	event      TEXT    NOT NULL, -- JSON
	access     TEXT    NOT NULL, -- whose token goes with it
	tries      INTEGER NOT NULL,
	due_at     BIGINT  NOT NULL,
	created_at BIGINT  NOT NULL,
	PRIMARY KEY (bank, stream, step)
);
CREATE INDEX corebank_callback_due ON corebank_callback (bank, due_at);

-- Browser sessions with the bank, found by the hash of their cookie.
CREATE TABLE corebank_browser (
	bank     TEXT   NOT NULL,
	hash     BYTEA  NOT NULL,
	customer TEXT   NOT NULL,
	began_at BIGINT NOT NULL,
	seen_at  BIGINT NOT NULL,
	PRIMARY KEY (bank, hash)
);

-- Text messages to customers. In a sandbox a page shows them.
CREATE TABLE corebank_message (
	bank    TEXT   NOT NULL,
	id      TEXT   NOT NULL,
	at      BIGINT NOT NULL,
	login   TEXT   NOT NULL,
	phone   TEXT   NOT NULL,
	journey TEXT   NOT NULL,
	code    TEXT   NOT NULL,
	text    TEXT   NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE INDEX corebank_message_at ON corebank_message (bank, at);

-- +goose Down
DROP TABLE corebank_message;
DROP TABLE corebank_browser;
DROP TABLE corebank_callback;
DROP TABLE corebank_access;
DROP TABLE corebank_payment;
DROP TABLE corebank_code;
DROP TABLE corebank_journey;
