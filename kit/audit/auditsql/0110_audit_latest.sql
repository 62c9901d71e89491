-- +goose Up
-- The record of a resource is read from its newest entry on, and no further than is shown.
CREATE INDEX audit_latest ON audit (bank, resource, at);
DROP INDEX audit_resource;
