-- +goose Up
CREATE TABLE oauth_grant (
	bank            TEXT    NOT NULL,
	id              TEXT    NOT NULL,
	client          TEXT    NOT NULL,
	tpp             TEXT    NOT NULL,
	kind            TEXT    NOT NULL,
	resource        TEXT    NOT NULL,
	scope           TEXT    NOT NULL,
	redirect_uri    TEXT    NOT NULL,
	state           TEXT    NOT NULL,
	challenge       TEXT    NOT NULL,
	browser         BYTEA   NOT NULL,
	refreshable     INTEGER NOT NULL,
	ends_at         BIGINT  NOT NULL,
	created_at      BIGINT  NOT NULL,
	wait_until      BIGINT  NOT NULL,
	kept_until      BIGINT  NOT NULL,
	status          TEXT    NOT NULL,
	psu             TEXT    NOT NULL,
	code            BYTEA,
	code_expires_at BIGINT  NOT NULL,
	PRIMARY KEY (bank, id)
);
CREATE UNIQUE INDEX oauth_grant_code ON oauth_grant (bank, code);
CREATE INDEX oauth_grant_resource ON oauth_grant (bank, resource);

-- One row for a pair of tokens. The unique parent makes a refresh token good for one use:
-- to redeem it is one INSERT. Every index more is a page more to write each time, so there is
-- none for the sweep.
CREATE TABLE oauth_token (
	bank       TEXT   NOT NULL,
	access     BYTEA  NOT NULL,
	refresh    BYTEA,
	parent     BYTEA,
	grant_id   TEXT   NOT NULL,
	thumbprint BYTEA,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (bank, access)
);
CREATE UNIQUE INDEX oauth_token_refresh ON oauth_token (bank, refresh);
CREATE UNIQUE INDEX oauth_token_parent ON oauth_token (bank, parent);
